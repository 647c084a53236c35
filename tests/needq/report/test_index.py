"""The first page: numbers from the tables, escaped, whichever tables a run lacks."""

import json
import re
from pathlib import Path

import numpy
import pandas
import pytest
import yaml
from needq.common.backends import Backend
from needq.common.settings import Config
from needq.report import index, pages
from needq.report.content import PAGES
from page_reader import Reader

TEMPLATES = list((Path(__file__).parents[3] / "report/templates").iterdir())
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>' + "word " * 60
CONFIG = Config(
    run="fake",
    model={"n_blocks": 30, "location": "a-model"},
    sweeps={"cumulative": {"matrix": "k", "method": "zero", "block_order": "reversed"}},
    generation={"prompts": ["Once upon"], "max_new_tokens": 8},
    evaluation={"text": "a.txt", "begin": "<s>"},
    tasks={"grammar": "grammar.jsonl", "cloze": "cloze.jsonl"},
    divergence={
        "reference": "cpu",
        "backends": {"cpu": {}, "exact": {"arithmetic": "exact", "precision": "float64"}},
    },
)
QUALITY = pandas.DataFrame(columns=["measure", "value", "texts"])
CHANCES = {"grammar": 0.5, "cloze": 0.25}
RECORD = {"needq": "1.2.3", "processes": [{"cpu": "A CPU"}], "platform": "Linux"}


STORIES = {
    "n_blocks": 2,
    "prompts": ["Once upon", HOSTILE],
    "noise_seeds": [0],
    "steps": [
        {"name": "none of 2 blocks", "choices": 2.0},
        {"name": "1 of 2 blocks", "choices": 7.4},
        {"name": "all 2 blocks", "choices": 9.0},
    ],
    "stories": [
        {
            "step": 1,
            "prompt": 0,
            "noise_seed": 0,
            "replaced": [0],
            "label": "meaning lost",
            "words": [" a", HOSTILE, " end"],
            "surprise": "093",
            "other": [" a", " dog"],
            "place": 1,
        }
    ],
    "backends": ["cpu", "exact"],
    "why": "They draw other numbers.",
    "left_out": "",
}


def degradation():
    count = numpy.arange(31)
    table = pandas.DataFrame({"blocks_replaced": count, "nll": 1 + count / 10})
    table["rise"] = table["nll"] - 1
    table["rise_low"], table["rise_high"] = table["rise"] - 0.05, table["rise"] + 0.05
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
    run = index.Run(
        config=CONFIG,
        sweep="cumulative",
        comparisons={"q": "cumulative", "v": "cumulative"},
        compared=["cpu", "exact"],
        cuda=False,
        vocabulary=1000,
        chances=CHANCES,
        record=RECORD,
        digests=None,
        expected=None,
    )
    ngrams = pandas.DataFrame([{"n": 2, "nll": 3.0, "rise_low": 1.9, "rise_high": 2.1}])
    kept = pandas.DataFrame([{"kept": 0.2, "kept_low": 0.1, "kept_high": 0.3}])
    keys = {"sweep": "cumulative", "backend": "cpu", "blocks_replaced": 30}
    tasks = kept.assign(**keys, task="cloze inference")
    tables = index.Tables(degradation(), tasks, summary(), trend, labels(), QUALITY, ngrams)
    svg = tmp_path / "figure.svg"
    svg.write_text("<svg/>")
    names = ["degradation", "gallery"]
    values = index.content(run, tables) | index.first_screen(STORIES, CONFIG)
    return values | index.surroundings(names, svg, svg, "c.yaml", "reproduced")


def test_page_is_made_of_the_tables(content):
    page = pages.Pages(TEMPLATES, "fake", ["cpu"], cuda=False).index(content)
    assert "Key matrix (W_K)" in page
    assert "replaced by zeros, from the last block on" in page
    assert "by 3.00 (95% interval 2.95 to 3.05), from 1.00 to 4.00 nats per token" in page
    assert "a bigram model of the training text, which knows the last token alone" in page
    assert "another matrix in all blocks raises the loss: W_V by 3.00 (95% interval 2.95" in page
    assert "it keeps 20% of its margin (95% interval 10% to 30%)" in page
    assert "2 of 4 texts are identical" in page
    assert "): later" not in page
    assert "cpu and exact: later" in page
    assert "Not tested in this run" in page
    assert "not verifiable" in page
    assert "A CPU" in page
    assert "a checkout of needq 1.2.3" in page
    assert "a-model: 30 blocks, 1,000 tokens" in page
    assert "cpu: float32 on the CPU" in page
    assert "exact: exact arithmetic, made to give the same bits on every machine" in page
    assert 'href="pages/gallery.html"' in page
    section = "w_k-of-the-last-blocks-zeros-sweep-cumulative-backend-cpu"
    assert f'href="pages/degradation.html#{section}"' in page
    assert content["diverged"].endswith("2 of 4 texts diverge.")
    assert f'alt="{content["diverged"]} The figure shows ' in page
    assert "pages/ledger.html" not in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(2)" in page
    assert "data:image/svg+xml;base64,PHN2Zy8+" in page


def test_the_report_opens_on_the_answer_and_the_verdicts(content):
    shown = pages.Pages(TEMPLATES, "fake", ["cpu"], cuda=False)
    front = index.front(shown, content)
    assert f'<p class="short">{content["short"]}</p>' in front
    assert "without its trained W_K in all 30 blocks" in content["short"]
    assert "The claims of the article: Not tested in this run." in front
    assert "#claims.html" not in front
    claim = {"claim": "C1", "statement": HOSTILE, "model": HOSTILE, "verdict": "refuted"}
    front = index.front(shown, content | {"claims": [claim]})
    assert '<b class="refuted">refuted</b>' in front
    words = "A bigram knows the last token alone."
    assert f"<p>{words}</p>" in index.front(shown, content | {"ngrams": words})
    assert 'href="#claims.html"' in front
    assert "<script" not in front
    assert front.count("<img") == 1
    assert 'onload="// Links' in front
    assert 'src="data:image/svg+xml;base64,PHN2Zy8+"' in front


def test_no_word_of_the_answer_is_left_unexplained(content):
    shown = pages.Pages(TEMPLATES, "fake", ["cpu"], cuda=False)
    said = content | {"ngrams": "A bigram knows the last token alone."}
    text = " ".join(Reader(index.files(shown, said, CONFIG)["page"]).text.split())
    meaning = "W_K is what attention uses to offer each word to later ones."
    assert f"{content['short']} {meaning} A bigram knows the last token alone." in text


def test_what_the_rule_writes(content):
    shown = pages.Pages(TEMPLATES, "fake", ["cpu"], cuda=False)
    files = index.files(shown, content, CONFIG)
    assert set(files) == {"page", "front", "config", "answer"}
    assert files["answer"] == f"Do we really need Q? {content['short']}\n"
    assert files["front"] == index.front(shown, content)


def test_the_first_screen_is_there_without_a_script(content):
    page = pages.Pages(TEMPLATES, "fake", ["cpu"], cuda=False).index(content)
    assert "Key matrix replaced in 1 of 2 blocks:" in page
    assert '<b class="chip" data-label="meaning lost">meaning lost</b>' in page
    assert 'between about <b class="choices">7</b> equally probable tokens' in page
    assert '<span class="s0"> a</span><span class="s9">&#34;&gt;&lt;img' in page
    assert page.count('<i class="noise"></i><i></i>') == 1
    assert "They draw other numbers. " in page
    assert "they agree for 1 token." in page
    assert "<mark> dog</mark>" in page
    assert '<form class="controls" hidden>' in page
    [data] = re.findall(r'<script type="application/json" id="stories">(.*?)</script>', page)
    assert json.loads(data) == STORIES


def test_compact_table_has_first_and_last_row_and_only_columns_with_values():
    shown, table = index.compact(degradation())
    assert list(shown) == ["blocks_replaced", "label", "nll", "rise"]
    counts = [row["cells"][0][1] for row in table]
    assert len(counts) == index.ROWS
    assert (counts[0], counts[-1]) == ("0", "30")
    assert table[0]["cells"][2] == ("nll", "1", "")
    assert table[-1]["cells"][3] == ("rise", "3", "2.95 to 3.05")
    example = table[0]["example"]
    assert example.startswith(HOSTILE[:150])
    assert example.endswith("d…")
    assert len(example) == 160
    few = degradation()[:3]
    assert [row["cells"][0][1] for row in index.compact(few)[1]] == ["0", "1", "2"]


def test_counts_are_those_of_the_table():
    page = index._counts(pandas.Series([0, 1, 2, 3]), 3)
    assert page == "first in one block, then in two, up to all 3"
    assert index._counts(pandas.Series([0, 1, 7, 30]), 30) == "in 1, 7, 30 of 30 blocks"


def test_commands_name_the_config_unless_the_run_is_the_expected_one():
    assert index.commands("reproduced: 9 of 9 digests", "c.yaml").startswith("make run ")
    for line in index.commands("no expected digests for this run", "c.yaml").splitlines():
        assert "--configfile c.yaml" in line


def test_the_config_is_written_as_yaml_that_makes_it_again():
    assert Config(**yaml.safe_load(index.as_yaml(CONFIG))) == CONFIG


def test_every_page_has_a_title_and_a_place_in_the_report():
    (link,) = index.links(["flips"])
    assert link["place"] == "2 Divergence, table of predicted flips"
    assert [link["name"] for link in index.links(list(PAGES)[::-1])] == list(PAGES)


def test_a_backend_that_draws_as_a_gpu_is_called_a_prediction():
    words = "float32 on the CPU, with the random numbers of the GPU H200: a prediction"
    assert index.describe_backend(Backend(rng="cuda", gpu="H200")) == words
