"""README, results.md, the first page and the walk say what the tables of the default run say.

They quote docs/evidence/pocket-gpt2, the default run that is kept. Nothing is computed here.
"""

import re

import pytest
from default_config import ROOT
from document_tables import PageTables, find_table, markdown_tables
from needq.common.published import read_table

README = (ROOT / "README.md").read_text(encoding="utf-8")
VIETNAMESE = (ROOT / "README.vi.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs/results.md").read_text(encoding="utf-8")
INDEX = PageTables((ROOT / "docs/example/index.html").read_text(encoding="utf-8"))
WALK = PageTables((ROOT / "docs/example/pages/notebook_walk.html").read_text(encoding="utf-8"))
TEXTS = {
    "README": " ".join(README.split()),
    "results.md": " ".join(RESULTS.split()),
    "first page": INDEX.text,
    "walk": WALK.text,
}
TABLES = {
    "README": markdown_tables(README),
    "results.md": markdown_tables(RESULTS),
    "first page": INDEX.tables,
    "walk": WALK.tables,
}
HEADINGS = {
    "nll": "nll",
    "rise": "rise",
    "rise of nll": "rise",
    "rise, tokens 0 to 39": "rise_0_39",
    "rise, from token 100 on": "rise_from_100",
    "bits per byte": "bits_per_byte",
    "KL": "kl",
    "top-1 agreement": "top1_agreement",
    "grammar": "grammar",
    "cloze": "cloze",
    "pristine_nll": "pristine_nll",
    "pristine nll": "pristine_nll",
    "seq_rep_4": "seq_rep_4",
    "seq-rep-4": "seq_rep_4",
    "distinct-2": "distinct_2",
}
EVERYWHERE = pytest.mark.parametrize("document", TABLES)


def evidence(name, **wanted):
    """The rows of a table of the kept run with these values."""
    table = read_table(ROOT / f"docs/evidence/pocket-gpt2/{name}.tsv")
    for column, value in wanted.items():
        table = table[table[column] == value]
    return table


def only(name, **wanted):
    [(_, row)] = evidence(name, **wanted).iterrows()
    return row


CURVE = evidence("degradation", backend="cpu", sweep="cumulative").set_index("blocks_replaced")
CLAIMS = evidence("claims")
WHOLE = CLAIMS[CLAIMS["test"].str.startswith("all ")].set_index("claim")["verdict"].to_dict()
TESTS = CLAIMS[~CLAIMS["test"].str.startswith("all ")]


def assert_rounded(text, value):
    """A text is a number rounded to the digits that the text has; a whole number is exact."""
    decimals = len(text.partition(".")[2])
    slack = 0.5000001 * 10**-decimals if decimals else 0
    assert abs(float(text.replace(",", "")) - value) <= slack, (text, value)


def assert_interval(text, low, high):
    """`1 to 2` are the ends of an interval."""
    for said, end in zip(text.split(" to "), (low, high), strict=True):
        assert_rounded(said, end)


def with_interval(row, name, form):
    """`1.77 (1.71 to 1.83)`."""
    low, high = (row[f"{name}_{end}" if name != "estimate" else end] for end in ("low", "high"))
    return f"{row[name]:{form}} ({low:{form}} to {high:{form}})"


@EVERYWHERE
def test_results_by_blocks_replaced(document):
    rows = find_table(TABLES[document], "blocks replaced", "most frequent label", "nll", "cloze")
    counts = [int(row["blocks replaced"]) for row in rows]
    assert {0, 1, 3, 6, 12} <= set(counts)
    if document != "README":
        assert counts == list(CURVE.index)
    for row in rows:
        measured = CURVE.loc[int(row["blocks replaced"])]
        assert row["most frequent label"] == measured["label"]
        for heading, name in HEADINGS.items():
            if heading in row:
                estimate, _, interval = row[heading].partition(" ")  # the first page has both
                assert_rounded(estimate, measured[name])
                if interval:
                    assert_interval(interval, measured[f"{name}_low"], measured[f"{name}_high"])
        if row.get("95% interval"):
            assert_interval(row["95% interval"], measured["rise_low"], measured["rise_high"])


@EVERYWHERE
def test_verdicts_of_claims(document):
    if document in ("README", "results.md"):
        rows = find_table(TABLES[document], "on pocket-gpt2", "reason")
        said = {row[next(iter(row))].split()[0]: row["on pocket-gpt2"] for row in rows}
    else:
        verdicts = "|".join(sorted(set(WHOLE.values())))
        forms = {
            "first page": rf"(C\d\+?) ({verdicts}) on pocket-gpt2 \(\d+ tests?: ",
            "walk": rf"(C\d\+?), ({verdicts})\.",
        }
        said = dict(re.findall(forms[document], TEXTS[document]))
    assert said == WHOLE


def test_tests_of_claims_on_the_first_page():
    rows = [
        dict(zip(heads, row, strict=True))
        for heads, *lines in INDEX.tables
        if "p (Holm)" in heads
        for row in lines
    ]
    assert len(rows) == len(TESTS)
    for row, (_, test) in zip(rows, TESTS.iterrows(), strict=True):
        named, verdict = row["test: what is measured"], row["verdict"].partition(":")[0]
        assert (named, verdict) == (
            test["test"].rpartition("; ")[0] or test["test"],
            test["verdict"],
        )
        if row["estimate"] != "–":
            assert_rounded(row["estimate"], test["estimate"])
            assert_interval(row["95% interval"], float(test["low"]), float(test["high"]))


def test_tests_of_claims_in_the_walk():
    rows = find_table(WALK.tables, "claim", "verdict", "estimate", "test")
    assert len(rows) == len(TESTS)
    for row, (_, test) in zip(rows, TESTS.iterrows(), strict=True):
        assert [row[name] for name in ("claim", "verdict", "test")] == list(
            test[["claim", "verdict", "test"]]
        )
        if row["estimate"] != "–":
            for heading, name in (("estimate", "estimate"), ("95% from", "low"), ("to", "high")):
                assert_rounded(row[heading], float(test[name]))


@pytest.mark.parametrize("document", ["README", "results.md"])
def test_reasons_for_verdicts(document):
    rows = find_table(TABLES[document], "on pocket-gpt2", "reason")
    reasons = {row[next(iter(row))].split()[0]: row["reason"] for row in rows}
    for claim, pattern, form in (
        ("C1", "cloze inference margin that is lost, each block", ".0%"),
        ("C3", "margin that is kept on grammar minus that on cloze inference", ".2f"),
        ("C5", "effective number of blocks that share", ".0%"),
        ("C5+", "6 blocks from the last one on", ".2f"),
    ):
        estimate, _, ends = with_interval(_test(pattern), "estimate", form).partition(" ")
        assert estimate in reasons[claim]
        assert ends.strip("()") in reasons[claim]
    for label in ("repetitive", "noise"):
        test = _test(f"labelled {label} with")
        assert test["estimate"] == 0
        assert f"{float(test['high']):.0%}" in reasons["C2"]


def _test(pattern):
    [(_, row)] = TESTS[TESTS["test"].str.contains(pattern)].iterrows()
    return dict(row) | {"low": float(row["low"]), "high": float(row["high"])}


def test_sentences_about_the_loss():
    one, last, second = CURVE.loc[1], CURVE.loc[12], only("degradation", intervention="q/single/02")
    ngrams = evidence("baselines").set_index("n")
    before = f"{CURVE.loc[0, 'nll']:.2f}"
    for said in (
        f"nll rises from {before} by {with_interval(last, 'rise', '.2f')}",
        f"({ngrams.loc[2, 'rise']:.2f} above the unchanged model)",
        f"({ngrams.loc[1, 'rise']:.2f} above it)",
        f"({last['nll_0_39']:.2f} against {ngrams.loc[2, 'nll_0_39']:.2f}, tokens 0 to 39)",
        f"({last['nll_from_100']:.2f} against {ngrams.loc[2, 'nll_from_100']:.2f}, from token 100",
        f"the first one {with_interval(one, 'rise', '.3f')}",
        f"the most, {with_interval(second, 'rise', '.2f')}",
        *(
            f"{only('replacement_methods', method=method, blocks_replaced=12)['ratio']:.2f} times"
            for method in ("zero", "matched_scores")
        ),
    ):
        assert said in TEXTS["README"]
    rise = with_interval(last, "rise", ".2f").replace("(", "(95% interval ")
    change = f"from {before} to {last['nll']:.2f} nats per token"
    assert f"raises the loss on unseen text by {rise}, {change}" in TEXTS["first page"]
    assert f"One block replaced raises it by {with_interval(one, 'rise', '#.3g')}" in TEXTS["walk"]


def test_sentences_about_divergence():
    pair = {"left": "cpu_a", "right": "predicted_cuda_a", "effect": "share"}
    draws, noise = (only("ledger", cause=cause, **pair) for cause in ("token draws", "noise"))
    both = only("ledger", left="cpu_a_bf16", right="cpu_b_bf16", cause="all causes")
    [flips] = evidence("flips")[lambda table: table["blocks_replaced"].isna()].itertuples()
    readme = TEXTS["README"]
    for row in (draws, noise, both):
        estimate, _, ends = with_interval(row, "estimate", ".0%").partition(" ")
        assert estimate in readme
        assert ends.strip("()") in readme
    assert f"{flips.diverged} of {flips.texts} cases" in readme
    assert f"{flips.predicted:.0f} are predicted (p = {flips.p_value:.2f};" in readme
    shares = [
        with_interval(row, "estimate", ".0%").replace("(", "(95% interval ")
        for row in (draws, noise)
    ]
    assert "token draws {}, noise {}.".format(*shares) in TEXTS["first page"]
    ends = f"{flips.predicted_low} to {flips.predicted_high}"
    assert (
        f"{flips.diverged} of {flips.texts} texts diverge; predicted {flips.predicted:.1f} "
        f"(95% interval {ends})"
    ) in TEXTS["walk"]


def test_labels_on_the_first_page():
    count = CURVE.index[CURVE["label"] != "near normal"][0]
    row = only(
        "labels",
        sweep="cumulative",
        backend="cpu",
        blocks_replaced=count,
        label=CURVE.loc[count, "label"],
    )
    said = f"{row['label']}: {row['share']:.0%} of {row['texts']} texts with {count} blocks"
    spread = f"(95% interval {row['share_low']:.0%} to {row['share_high']:.0%})"
    assert f"{said} replaced {spread}" in TEXTS["first page"]
    assert f"From {count} blocks on, the most frequent [label](docs/labels.md)" in TEXTS["README"]


# what README.vi.md says for the words of README.md
IN_VIETNAMESE = {
    "blocks replaced": "số khối bị thay",
    "most frequent label": "nhãn thường gặp nhất",
    "nll": "nll",
    "rise of nll": "mức tăng của nll",
    "95% interval": "khoảng tin cậy 95%",
    "grammar": "ngữ pháp",
    "cloze": "điền từ",
    "near normal": "gần như bình thường",
    "meaning lost": "mất nghĩa",
    "repetitive": "lặp lại",
    "noise": "nhiễu",
    "supported": "được ủng hộ",
    "refuted": "bị bác bỏ",
    "undecided": "chưa ngã ngũ",
    "cannot be decided": "không thể kết luận",
    "on pocket-gpt2": "với pocket-gpt2",
}


def test_the_vietnamese_table_has_the_same_rows():
    rows = find_table(TABLES["README"], "blocks replaced", "most frequent label", "nll", "cloze")
    expected = [
        {IN_VIETNAMESE[name]: IN_VIETNAMESE.get(cell, cell) for name, cell in row.items()}
        for row in rows
    ]
    found = find_table(markdown_tables(VIETNAMESE), "số khối bị thay", "nll")
    assert [{k: cell.replace(" đến ", " to ") for k, cell in row.items()} for row in found] == (
        expected
    )


def test_the_vietnamese_verdicts_are_the_same():
    rows = find_table(TABLES["README"], "on pocket-gpt2", "reason")
    name = IN_VIETNAMESE["on pocket-gpt2"]
    found = find_table(markdown_tables(VIETNAMESE), name, "lý do")
    said = {row[next(iter(row))].split()[0]: row[name] for row in found}
    assert said == {
        row[next(iter(row))].split()[0]: IN_VIETNAMESE[row["on pocket-gpt2"]] for row in rows
    }


def test_every_vietnamese_number_is_in_the_english_readme():
    number = re.compile(r"-?\d+(?:\.\d+)*%?")
    extra = set(number.findall(VIETNAMESE)) - set(number.findall(README))
    assert extra == set()


def test_intervals_in_vietnamese_are_those_of_the_english_readme():
    interval = r"\((-?[\d.]+%?) {} (-?[\d.]+%?)[);]"
    found = set(re.findall(interval.format("đến"), " ".join(VIETNAMESE.split())))
    assert found <= set(re.findall(interval.format("to"), TEXTS["README"]))
    assert len(found) >= 8
