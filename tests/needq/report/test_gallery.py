"""The gallery: every text once, with its backends and labels."""

import pandas
from needq.report import gallery


def texts(*rows):
    """Rows of (blocks, noise seed, prompt, text), as a stage reads them back."""
    table = pandas.DataFrame(rows, columns=["blocks_replaced", "noise_seed", "prompt", "text"])
    table["intervention"] = [f"q/cumulative/{blocks:02d}" for blocks in table["blocks_replaced"]]
    return table.assign(sweep="cumulative", sample_seed=0).astype({"noise_seed": "Int64"})


CPU = texts((0, None, 0, "a"), (1, 7, 0, "b"), (1, 5, 0, "c"), (1, 5, 1, "d"))
EXACT = texts((0, None, 0, "a"), (1, 7, 0, "other"), (1, 5, 0, "c"), (1, 5, 1, "d"))
LABELS = CPU.assign(label=["near normal", None, "noise", "noise"])


def shown(cards):
    return [(card["noise_seed"], card["text"], card["labels"], card["backends"]) for card in cards]


def test_every_text_is_there_once_with_its_backends_and_label():
    both, other = ["cpu", "exact"], {"cpu": LABELS, "exact": LABELS.assign(label="noise")}
    found = gallery.grid({"cpu": CPU, "exact": EXACT}, {"cpu": LABELS}, ["first", "second"])
    assert [sample["prompt"] for sample in found] == ["first", "second"]
    pristine, one = found[0]["rows"]
    assert (pristine["blocks"], one["intervention"]) == (0, "q/cumulative/01")
    assert shown(pristine["first"]) == [(None, "a", ["near normal"], both)]
    assert shown(one["first"]) == [(5, "c", ["noise"], both)]
    assert shown(one["others"]) == [(7, "b", ["unlabelled"], ["cpu"]), (7, "other", [], ["exact"])]
    assert gallery.count(found) == 5
    found = gallery.grid({"cpu": CPU, "exact": EXACT}, other, ["first", "second"])
    assert found[0]["rows"][0]["first"][0]["labels"] == ["near normal", "noise"]


def test_a_row_names_the_pairs_whose_texts_diverge_there():
    pairs = {"q/cumulative/00": [("cpu", "exact")], "q/cumulative/01": [("cpu", "exact")]}
    pairs["q/cumulative/01"] += [("cpu", "absent")]
    other = texts((0, None, 0, "a"), (1, 7, 0, "x"), (1, 5, 0, "c"), (1, 5, 1, "e"))
    found = gallery.grid({"cpu": CPU, "exact": other}, {}, ["first", "second"], diverging=pairs)
    (pristine, one), (other_prompt,) = (sample["rows"] for sample in found)
    assert other_prompt["diverging"] == [("cpu", "exact")]
    assert pristine["diverging"] == one["diverging"] == []  # seed 7 is among the others


def test_one_noise_seed_leaves_out_the_others():
    found = gallery.grid({"cpu": CPU}, {}, ["first", "second"], noise_seed=7)
    assert [card["text"] for row in found[0]["rows"] for card in row["first"]] == ["a", "b"]
    assert len(found) == 1
    assert gallery.count(found) == 2


def single(*rows):
    """The same rows in a sweep of single blocks."""
    table = texts(*rows)
    steps = [f"q/single/{'none' if row[0] == 0 else '03'}" for row in rows]
    return table.assign(sweep="single", intervention=steps)


def test_sweeps_follow_one_another():
    alone = single((0, None, 0, "a"), (1, 7, 0, "e"), (1, 5, 0, "f"))
    both = pandas.concat([alone, CPU])
    found = gallery.grid({"exact": EXACT, "cpu": both}, {}, ["first", "second"])
    names = ["q/cumulative/00", "q/cumulative/01", "q/single/none", "q/single/03"]
    assert [row["intervention"] for row in found[0]["rows"]] == names
    found = gallery.grid(
        {"exact": EXACT, "cpu": both}, {}, ["first", "second"], 7, whole="cumulative"
    )
    cumulative, one = found[0]["rows"][1], found[0]["rows"][3]
    assert [card["noise_seed"] for card in cumulative["first"] + cumulative["others"]] == [5, 7, 7]
    assert [card["noise_seed"] for card in one["first"] + one["others"]] == [7]


def test_pairs_that_diverge_are_found():
    summary = pandas.DataFrame(
        [("a", "b", "x", 0.5), ("a", "c", "x", 1.0), ("a", "a", "x", 0.5), ("b", "c", "y", 0.0)],
        columns=["left", "right", "intervention", "identical"],
    )
    assert gallery.diverging_pairs(summary) == {"x": [("a", "b")], "y": [("b", "c")]}


class Page:
    """Stands for the maker of pages: a page is what it was given."""

    def gallery(self, samples, texts, left_out):
        shown = [
            card["text"] for sample in samples for row in sample["rows"] for card in row["first"]
        ]
        return f"{texts} texts, {left_out or 'all'}: {' '.join(shown)}"


def test_a_page_that_is_too_large_has_one_noise_seed(monkeypatch):
    summary = pandas.DataFrame(
        [("a", "b", "x", 0.5)], columns="left right intervention identical".split()
    )
    asked = (Page(), {"cpu": CPU}, {}, ["first", "second"], [7, 5], summary)
    assert gallery.write_gallery(*asked) == "4 texts, all: a c d"
    monkeypatch.setattr(gallery, "LARGEST", 10)
    written = gallery.write_gallery(*asked)
    assert written.startswith("2 texts, only of noise seed 7,")
    assert written.endswith(": a b")


class Sized:
    """Stands for the maker of pages: 1000 bytes per text, then what is left out."""

    def gallery(self, samples, texts, left_out):
        return "x" * 1000 * texts + left_out


def test_later_sweeps_are_cut_first(monkeypatch):
    both = pandas.concat([CPU, single((0, None, 0, "s"), (1, 7, 0, "t"), (1, 5, 0, "u"))])
    summary = pandas.DataFrame(columns=["left", "right", "intervention", "identical"])

    def written(largest):
        monkeypatch.setattr(gallery, "LARGEST", largest)
        page = gallery.write_gallery(
            Sized(), {"cpu": both}, {}, ["first", "second"], [7, 5], summary
        )
        return page.count("x") // 1000, page.lstrip("x")

    many = "since there are too many for one page"
    assert written(7000) == (7, "")
    some = f"in the sweep cumulative of all noise seeds, elsewhere of 7 alone, {many}"
    assert written(6999) == (6, some)
    assert written(6000) == (4, f"only of noise seed 7, {many}")
