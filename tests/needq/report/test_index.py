"""The first page: numbers from the tables, escaped, whichever tables a run lacks."""

from pathlib import Path

import numpy
import pandas
import pytest
from needq.report import index, pages

ROOT = Path(__file__).parents[3]
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>' + "word " * 60
CONFIG = {
    "run": "fake",
    "model": {"blocks": 30, "location": "a-model"},
    "sweeps": {"cumulative": {"matrix": "k", "method": "zero", "blocks": "reversed"}},
    "compare": {"reference": "cpu"},
    "generation": {"prompts": ["Once upon"], "max_new_tokens": 8},
    "backends": {
        "cpu": {"device": "cpu", "arithmetic": "native", "precision": "float32"},
        "exact": {"device": "cpu", "arithmetic": "exact", "precision": "float64"},
    },
}
QUALITY = pandas.DataFrame(columns=["measure", "value", "texts"])
CHANCES = {"grammar": 0.5, "cloze": 0.25}
RECORD = {"needq": "1.2.3", "processes": [{"cpu": "A CPU"}], "platform": "Linux"}


def degradation():
    count = numpy.arange(31)
    table = pandas.DataFrame({"blocks_replaced": count, "nll": 1 + count / 10})
    table["nll_low"], table["nll_high"] = table["nll"] - 0.05, table["nll"] + 0.05
    table["sweep"], table["backend"], table["texts"], table["noise_seeds"] = (
        "cumulative",
        "cpu",
        6,
        5,
    )
    table["label"], table["kl"] = "near normal", count / 10
    table["grammar"], table["cloze"] = numpy.nan, numpy.nan
    return table.assign(example=HOSTILE)


def summary():
    row = {"left": "cpu", "right": "exact", "identical": 0.5, "texts": 4, "max_abs_logit": 0.25}
    return pandas.DataFrame([row | {"sweep": "cumulative"}])


def labels():
    row = {"sweep": "cumulative", "backend": "cpu", "blocks_replaced": 0, "label": "near normal"}
    return pandas.DataFrame([row | {"share": 1, "share_low": 0.5, "share_high": 1, "texts": 6}])


@pytest.fixture
def content(tmp_path):
    trend = pandas.DataFrame([{"left": "cpu", "right": "exact", "verdict": "later"}])
    trend["sweep"] = "cumulative"
    tables = (degradation(), summary(), trend, labels(), QUALITY, None, None, None)
    found = index.content(
        CONFIG,
        "cumulative",
        {"q": "cumulative", "v": "cumulative"},
        *tables,
        1000,
        CHANCES,
        RECORD,
        None,
        None,
        ["cpu", "exact"],
        cuda=False,
    )
    svg = tmp_path / "figure.svg"
    svg.write_text("<svg/>")
    figures = {"figure": index.image(svg), "parting_figure": index.image(svg)}
    names = ["degradation", "gallery"]
    more = {"pages": names, "links": index.links(names), "commands": "make run"}
    return found | figures | more


def test_page_is_made_of_the_tables(content):
    page = pages.Pages(ROOT / "report/templates", "fake", ["cpu"], cuda=False).index(content)
    assert "Key matrix (W_K)" in page and "replaced by zeros, from the last block on" in page
    assert "from 1.00 to 4.00 nats per token (95% interval 3.95 to 4.05)" in page
    assert "(6.91 - 4.00) / (6.91 - 1.00) = 49%. For scale, replacing another" in page
    assert "matrix there leaves: W_V 49%." in page
    assert "2 of 4 texts are the same" in page and "): later" not in page
    assert "cpu and exact: later" in page
    assert "Not tested in this run" in page and "not verifiable" in page and "A CPU" in page
    assert "a checkout of needq 1.2.3" in page
    assert "a-model: 30 blocks, 1,000 tokens" in page and "cpu: float32 on the CPU" in page
    assert "exact: made to give the same bits on every machine" in page
    assert 'href="pages/gallery.html"' in page
    assert (
        'href="pages/degradation.html#sweep-cumulative-backend-cpu"' in page
        and "pages/ledger.html" not in page
    )
    assert "<script>alert" not in page and "<img src=x" not in page
    assert "&lt;script&gt;alert(2)" in page and "data:image/svg+xml;base64,PHN2Zy8+" in page


def test_compact_table_has_first_and_last_row_and_only_columns_with_values():
    shown, table = index.compact(degradation())
    assert list(shown) == ["blocks_replaced", "label", "nll", "kl"]
    counts = [row["cells"][0][1] for row in table]
    assert len(counts) == index.ROWS and (counts[0], counts[-1]) == ("0", "30")
    assert table[0]["cells"][2] == ("nll", "1", "0.950 to 1.05")
    example = table[0]["example"]
    assert example.startswith(HOSTILE[:150]) and example.endswith("d…") and len(example) == 160
    few = degradation()[:3]
    assert [row["cells"][0][1] for row in index.compact(few)[1]] == ["0", "1", "2"]


def test_counts_are_those_of_the_table():
    page = index._counts(pandas.Series([0, 1, 2, 3]), 3)
    assert page == "of one block, of two, up to all 3"
    assert index._counts(pandas.Series([0, 1, 7, 30]), 30) == "of 1, 7, 30 of 30 blocks"


def test_commands_name_the_config_unless_the_run_is_the_expected_one():
    assert index.commands("reproduced: 9 of 9 digests", "c.yaml").startswith("make run ")
    for line in index.commands("no expected digests for this run", "c.yaml").splitlines():
        assert "--configfile c.yaml" in line
