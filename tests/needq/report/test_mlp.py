"""The page of the MLP says what noise in it costs beside noise in W_Q."""

from pathlib import Path

from mlp_data import SWEEPS, changes, evaluation
from needq.common import tables, unit_columns
from needq.common.published import read_table
from needq.metrics.mlp import changes_table, mlp_table
from needq.report.mlp import MlpPage, describe_limits, describe_mlp
from page_reader import Reader

TEMPLATES = sorted((Path(__file__).parents[3] / "report/templates").iterdir())


def test_the_page_has_the_ratios_and_the_changes(tmp_path):
    found = []
    made = (mlp_table(evaluation(), SWEEPS), changes_table([changes()]))
    for name, table in zip(("mlp", "output_changes"), made, strict=True):
        tables.write_table(tmp_path / f"{name}.tsv", table, tables.MEASURED)
        found.append(read_table(tmp_path / f"{name}.tsv"))
    text = " ".join(
        Reader(MlpPage(TEMPLATES, "test", ["cpu"], cuda=False).mlp(*found)).text.split()
    )
    assert "The MLP, at equal change, in 6 blocks: nll rises by" in text
    assert "2 times as much as by noise in W_Q (2 to 2)." in text
    assert "tables/mlp.tsv and tables/output_changes.tsv" in text
    for sweep in SWEEPS:
        assert f"(sweep {sweep['sweep']})" in text
    assert "The MLP, at equal change (sweep equal)" in text
    for name in ("ratio", "noise_fraction", "change_all_noise"):
        meaning = (unit_columns.MLP | unit_columns.OUTPUT_CHANGES)[name]
        assert meaning.split(":")[0] in text


def test_few_seeds_have_no_interval_in_words():
    sentences = describe_mlp(mlp_table(evaluation(seeds=3), SWEEPS))
    assert "2.00 times as much as by noise in W_Q." in " ".join(sentences)


def test_blocks_that_cannot_change_as_much_are_counted():
    table = changes_table([changes()])
    assert list(describe_limits(table)) == []
    less = table["block"] < 2
    table.loc[less, "change_all_noise"] = table.loc[less, "change_w_q"] / 2
    words = (
        "In 2 of 6 blocks, noise alone in the MLP changes the output less than noise in W_Q does"
    )
    assert next(describe_limits(table)).startswith(words)


def test_a_run_without_w_q_says_so():
    alone = [one | {"reference": None} for one in SWEEPS if one["matrix"] == "mlp"]
    [sentence] = describe_mlp(mlp_table(evaluation(), alone))
    assert sentence == "No sweep of the MLP has a sweep of W_Q to be compared with."
