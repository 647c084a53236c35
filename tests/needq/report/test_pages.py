"""Pages: self-contained, nothing in them is executed, every column is explained."""

import base64
import hashlib
import re
from pathlib import Path

import fake_run
import fake_tables
import numpy
import pandas
import pytest
from needq.common import columns, tables
from needq.common.backends import Backend
from needq.common.keys import LABELS
from needq.common.settings import Config, Generation
from needq.divergence.summary import summary_table, trend_table
from needq.metrics import degradation as metrics
from needq.metrics import labels as label_tables
from needq.metrics.calibration import KINDS
from needq.metrics.graded import axes_table
from needq.report import cells, gallery, pages
from needq.report.content import TITLES
from needq.report.ledger import LedgerPages
from needq.report.side_by_side import SideBySidePages, examples
from page_reader import Reader

ROOT = Path(__file__).parents[3]
TEMPLATES = [*sorted((ROOT / "report/templates").iterdir()), ROOT / "docs/glossary.md"]
NAMES = {
    "sweeps": {"cumulative": "W_Q of the first blocks"},
    "steps": {f"q/cumulative/{count:02d}": f"{count} blocks" for count in range(13)},
    "interventions": {f"q/cumulative/{n:02d}": f"W_Q of the first {n} blocks" for n in range(13)},
}
BACKENDS = {"cpu": Backend(), "cpu_float64": Backend(precision="float64")}
TEST = {"claim": "C1", "statement": "It <b>holds</b>.", "run": "fake", "model": "a-model"}
CLAIMS = pandas.DataFrame(
    [
        TEST | {"test": "all 3 tests", "verdict": "refuted"},
        TEST
        | {"test": "share; above 4/5", "estimate": 0.51234, "low": 0.4, "high": 0.6}
        | {"p": 1e-9, "p_holm": 2e-9, "verdict": "refuted"},
        TEST
        | {"test": "loss; below 1/5", "estimate": 0.1, "low": "n too small", "high": "n too small"}
        | {"verdict": "cannot be decided", "why": "4 noise seeds; needs 5"},
        TEST | {"test": "heal", "verdict": "cannot be decided", "why": "needs <healing>"},
    ],
    columns=list(columns.CLAIMS),
)
METHODS = pandas.DataFrame(
    [["zero", "kept", 12, 0.9876, 0.8, 1.1, 1.04567, 0.9, 1.2, "within a fifth"]],
    columns=list(columns.REPLACEMENT_METHODS),
)
HALF_POINTS = pandas.DataFrame(
    [
        ["half-point of cloze inference", 3.25, 2.5, numpy.inf, None],
        ["shape", numpy.nan, None, None, "undecided"],
    ],
    columns=list(columns.HALF_POINTS),
)
RECORD = {
    "needq": "0.1",
    "platform": "Linux",
    "inputs": {"model": {"config.json": "ab" * 32}, "evaluation_text": "cd" * 32},
    "versions": {"python": "3.11"},
    "processes": [],
}
CONFIG = Config(
    run="fake",
    model={"n_blocks": 12, "location": "a-model"},
    sweeps={"cumulative": {}},
    generation={"prompts": ["Once upon"]},
    evaluation={"text": "a.txt", "begin": "<s>"},
    tasks={"grammar": "grammar.jsonl", "cloze": "cloze.jsonl"},
    divergence={"backends": {"cpu": {}}},
)
PROMPTS = [f"Prompt {index} <i>of</i> this & that" for index in range(fake_run.PROMPTS)]


@pytest.fixture(scope="module")
def texts(fake_folder):
    return {
        name: fake_run.read(fake_folder, f"generate/{name}/first/*.parquet")
        for name in ("cpu", "cpu_float64")
    }


def side_by_side(fake_folder, texts):
    """Examples of texts that diverge; every token is shown as something that must be escaped."""
    divergence = fake_run.read(fake_folder, "diff/*/*.parquet")

    def decode(tokens):
        return "".join(f"<b>{token}</b>" for token in tokens)

    return examples(divergence, texts, decode)


@pytest.fixture(scope="module")
def written(fake_folder, texts):
    shared = {"cuda": False, "pages": list(TITLES), "names": NAMES}
    maker = pages.Pages(TEMPLATES, "fake", ["cpu", "cpu_float64"], **shared)
    beside = SideBySidePages(TEMPLATES, "fake", ["cpu", "cpu_float64"], **shared)
    degradation = metrics.degradation_table("cpu", *fake_run.stages(fake_folder, "cpu"))
    diffs = fake_run.read(fake_folder, "diff/*/*")
    summary = summary_table(diffs)
    generation = Generation(prompts=PROMPTS)
    hostile = CONFIG.changed(run=fake_run.HOSTILE, generation=generation)
    return {
        "degradation": maker.degradation(degradation),
        "divergence": maker.divergence(summary, trend_table(diffs)),
        "gallery": maker.gallery(
            gallery.grid(texts, {}, PROMPTS, None, gallery.diverging_pairs(summary)), 7, ""
        ),
        "side_by_side": beside.side_by_side(side_by_side(fake_folder, texts), PROMPTS, BACKENDS),
        "labels": maker.labels(*label_tables_of(fake_folder)),
        "claims": maker.claims(CLAIMS, METHODS, HALF_POINTS),
        "provenance": maker.provenance(hostile, RECORD, None, "no expected digests"),
        "glossary": maker.explain_terms(),
    }


def label_tables_of(fake_folder):
    """Shares of the made-up run, a confusion matrix and its quality."""
    labelled = {"cpu": tables.read_frame([fake_folder / "labels/cpu.parquet"])}
    kinds = [{"kind": kind, "true_label": label} for kind, label in KINDS.items()]
    confusion = [
        kind | {"label": label, "reference_texts": 7} for kind in kinds for label in LABELS
    ]
    quality = [{"measure": "accuracy of near normal and noise", "value": 0.987, "texts": 60}]
    unlike = "texts of cpu in cumulative with 3 blocks replaced that resemble no reference text"
    quality.append({"measure": unlike, "value": 0.123, "texts": 30})
    return (
        label_tables.shares_table(labelled),
        axes_table(labelled),
        pandas.DataFrame(confusion),
        pandas.DataFrame(quality),
    )


def test_no_page_runs_or_loads_anything(written):
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    for name, page in written.items():
        reader = Reader(page)
        assert not {"img", "link", "iframe", "object", "i"} & set(reader.tags)
        assert reader.tags.count("script") == 1
        assert not [name for name, _ in reader.values if name.startswith("on")]
        assert not [value for name, value in reader.values if name == "src"]
        links = [value for name, value in reader.values if name == "href"]
        known = r"(\.\./index|\w+)\.html(#[\w/-]+)?|#[\w-]+"
        assert all(re.fullmatch(known, link) for link in links)
        assert "url(" not in reader.style
        assert "@import" not in reader.style
        (script,) = re.findall("<script>(.*)</script>", page, re.S)
        assert ("Search:" in script) == (name == "gallery")
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert ("content", f"{policy}; script-src 'sha256-{digest}'") in reader.values


def test_hostile_text_is_shown_as_text(written):
    assert fake_run.HOSTILE in Reader(written["gallery"]).text
    assert "Prompt 3 <i>of</i> this & that" in Reader(written["gallery"]).text
    assert fake_run.HOSTILE in Reader(written["provenance"]).text


def test_pages_suit_light_dark_and_any_width(written):
    for page in written.values():
        assert "prefers-color-scheme: dark" in page
        assert 'name="viewport"' in page


def test_the_gallerys_filter_is_stronger_than_its_grid(written):
    """The attribute `hidden` alone loses against .blocks { display: grid }."""
    assert "[hidden] { display: none !important; }" in Reader(written["gallery"]).style


def test_missing_cuda_is_said(written):
    assert all("CUDA: not run on this machine." in page for page in written.values())
    maker = SideBySidePages(TEMPLATES, "fake", ["cpu", "cuda"], cuda=True)
    assert "not run" not in maker.side_by_side([], [], {})


def test_numbers_of_the_table_are_on_its_page(written):
    text = Reader(written["degradation"]).text
    assert "W_Q of the first blocks (sweep cumulative, backend cpu)" in text
    assert "12 blocks" in text
    assert "nats per token" in text
    maker = pages.Pages(TEMPLATES, "fake", ["cpu"], cuda=True)
    row = dict.fromkeys(columns.DEGRADATION, numpy.nan)
    row |= {"sweep": "cumulative", "intervention": "q/cumulative/01", "backend": "cpu"}
    row |= {"rise": 3.14159, "rise_low": 3.0, "rise_high": 3.2718, "texts": 1234}
    text = Reader(maker.degradation(pandas.DataFrame([row]))).text
    assert "3.143 to 3.27" in text
    assert "1,234" in text
    assert cells.NOTHING in text


def test_n_gram_models_have_a_table_of_their_own(fake_folder):
    table = metrics.degradation_table("cpu", *fake_run.stages(fake_folder, "cpu"))
    maker = pages.Pages(TEMPLATES, "fake", ["cpu"], cuda=True)
    baselines = fake_tables.baselines(fake_folder)
    text = Reader(maker.degradation(table, baselines)).text
    assert "N-gram models of the training text" in text
    bigram = baselines.iloc[1]
    assert f"{bigram['rise']:.3g}{bigram['rise_low']:.3g} to {bigram['rise_high']:.3g}" in text
    assert "N-gram models" not in Reader(maker.degradation(table)).text


def test_sweeps_that_are_scored_alone_have_a_table_without_texts(fake_folder):
    table = metrics.degradation_table("cpu", *fake_run.stages(fake_folder, "cpu"))
    alone = table.assign(sweep="keys", intervention="k/keys/01", texts=0, label=None)
    maker = pages.Pages(TEMPLATES, "fake", ["cpu"], cuda=True)
    text = Reader(maker.degradation(pandas.concat([alone, table]))).text
    first, second = text.index("Sweep cumulative"), text.index("Sweep keys")
    assert first < second
    assert "distinct-2" in text[first:second]
    assert "meaning lost" in text[first:second]
    assert "distinct-2" not in text[second : text.index("What the columns mean")]


def test_claims_are_shown_with_their_tests(written):
    text = Reader(written["claims"]).text
    assert "C1: refuted on a-model" in text
    assert "It <b>holds</b>." in text
    assert text.count("all 3 tests") == 0
    assert "cannot be decided: needs <healing>" in text
    assert "cannot be decided: 4 noise seeds; needs 5" in text
    assert "< 0.0001" in text
    assert "about a-model alone" in text
    assert "0.512" in text
    assert "0.400 to 0.600" in text
    assert "n too small" in text
    assert "1.05" in text
    assert "half-point of cloze inference3.252.50no upper end" in text
    assert "zeros" in text


def test_labels_are_shown_with_how_well_they_are_told_apart(written):
    text = Reader(written["labels"]).text
    assert "12 blocks" in text
    assert "unlabelled: fewer than 8 tokens" in text
    assert "order 2: meaning lost" in text
    assert "0.987" in text
    assert "0.123" not in text  # of each number of blocks, the tables of shares have it


def test_repeats_come_last(written):
    text = Reader(written["divergence"]).text
    assert 0 < text.index("cpu and cpu_float64") < text.index("cpu and cpu (a repeat")


def test_diverged_texts_are_side_by_side_with_the_token_marked(written, fake_folder, texts):
    (pair,) = side_by_side(fake_folder, texts)
    assert (pair["left"], pair["right"]) == ("cpu", "cpu_float64")
    row = pair["rows"][0]
    page = written["side_by_side"]
    for parts in (row["left"], row["right"]):
        assert parts[1]
        assert parts[1].count("<b>") == 1
        escaped = parts[1].replace("<", "&lt;").replace(">", "&gt;")
        assert f"<mark>{escaped}</mark>" in page
    assert row["left"][0] == row["right"][0]
    assert row["left"][1] != row["right"][1]


def test_a_page_names_its_run_and_its_backends():
    page = SideBySidePages([str(file) for file in TEMPLATES], "fake", ["cpu"], True).side_by_side(
        [], [], {}
    )
    assert "Run fake. Backends: cpu." in page


def test_the_ledger_has_causes_and_corners_of_each_pair_and_repeats_last():
    maker = LedgerPages(TEMPLATES, "fake", ["one"], cuda=True)
    pair, repeat = {"left": "one", "right": "two"}, {"left": "one", "right": "one"}
    row = dict.fromkeys(columns.LEDGER, 0.5) | pair
    causes = pandas.DataFrame([row | {"cause": "noise", "effect": "alone", "low": 0.0625}])
    row = dict.fromkeys(columns.LEDGER_CORNERS, 0.25) | repeat | {"corner": "repeat"}
    corners = pandas.DataFrame([row | {"low": None}, row | pair | {"corner": "noise"}])
    text = Reader(maker.ledger(causes, corners)).text
    headings = ["one and two: causes", "one and two: corners", "one and one (a repeat"]
    places = [text.index(heading) for heading in headings]
    assert 0 < places[0] < places[1] < places[2]
    assert "0.0625" in text[places[0] : places[1]]
    few = Reader(maker.ledger(causes.assign(low="n too small"), corners)).text
    assert "n too small" in few[places[0] :]


def test_flips_have_a_table_per_pair():
    maker = pages.Pages(TEMPLATES, "fake", ["one"], cuda=True)
    row = dict.fromkeys(columns.FLIPS, 0.25) | {"left": "exact", "right": "half"}
    table = pandas.DataFrame([row | {"blocks_replaced": None}, row | {"blocks_replaced": 7}])
    margin = {"left": "exact", "right": "half", "margin_low": 5.0, "margin_high": numpy.inf}
    counts = {"tokens": 7000, "flipped": 12, "predicted": 11.5}
    counts |= {"predicted_low": 6, "predicted_high": 19}
    text = Reader(maker.flips(table, pandas.DataFrame([margin | counts]))).text
    assert "exact and half" in text
    assert "all" in text
    assert "0.250 to 0.250" in text
    assert "0 of 0 texts diverge; 0.2 predicted (0 to 0): as predicted" in text
    assert "exact and half, by margin" in text
    by_margin = text[text.index("by margin") :]
    assert by_margin.index("11.5") < by_margin.index("6 to 19")


def test_no_reader_sees_an_id_of_an_intervention(written):
    for name, page in written.items():
        assert not re.search(r"\b[qkvo]+/\w+/\d", Reader(page).text), name
    assert '<span title="q/cumulative/12">12 blocks</span>' in written["degradation"]
    assert "W_Q of the first 12 blocks" in Reader(written["divergence"]).text
    assert "W_Q of the first 12 blocks" in Reader(written["gallery"]).text
    assert "W_Q of the first 12 blocks" in Reader(written["side_by_side"]).text


def test_labels_have_their_colours_where_they_are_shown(written):
    for name in ("labels", "degradation"):
        assert '<b class="chip" data-label="meaning lost">meaning lost</b>' in written[name]
        assert '.chip[data-label="noise"] { color: #ffffff; background: #4d4d4d; }' in written[name]


def test_pages_link_the_terms_that_they_use_first(written):
    for name, page in written.items():
        linked = re.findall(r'<a class="term" href="glossary\.html#([\w-]+)">', page)
        assert len(set(linked)) == len(linked), name
        assert bool(linked) == (name != "glossary"), name
        for anchor in linked:
            assert f'id="{anchor}"' in written["glossary"]
    assert '<p class="entry" id="nll"><b>nll</b> (negative log-likelihood)' in written["glossary"]


def test_texts_side_by_side_say_what_makes_them_differ(fake_folder, texts):
    """Other random numbers make texts diverge at once, so a margin would say nothing."""
    maker = SideBySidePages(TEMPLATES, "fake", ["cpu"], cuda=True)
    pairs = side_by_side(fake_folder, texts)
    same = Reader(maker.side_by_side(pairs, PROMPTS, BACKENDS)).text
    assert "the same random numbers. So only rounding can make their texts diverge." in same
    assert " preferred its token to the next best one by " in same
    keyed = BACKENDS | {"cpu_float64": Backend(precision="float64", rng="keyed", noise="native")}
    other = Reader(maker.side_by_side(pairs, PROMPTS, keyed)).text
    assert "different random numbers, so their texts diverge at once. Their noise is diff" in other
    assert "preferred" not in other
    noise = BACKENDS | {"cpu_float64": Backend(noise="native")}
    assert "only rounding" not in Reader(maker.side_by_side(pairs, PROMPTS, noise)).text


def test_a_half_point_that_does_not_exist_is_said_in_words():
    rows = [["half-point", numpy.inf, 5.2, numpy.inf, None], ["x", numpy.nan, "n too small", 1, ""]]
    found = cells.name_infinities(pandas.DataFrame(rows, columns=list(columns.HALF_POINTS)))
    assert found["estimate"].iloc[0] == "not in this sweep"
    assert found["high"].tolist() == ["no upper end", 1]
    assert found["low"].tolist() == [5.2, "n too small"]
    assert numpy.isnan(found["estimate"].iloc[1])
