"""Sweeps of the MLP have their tables, figure and page; other runs have none."""

import json

from needq.common.published import read_table


def test_sweeps_of_the_mlp_have_a_page(fresh):
    equal = {"run": "scores", "matrix": "mlp", "method": "matched_outputs", "counts": [2]}
    plain = {"run": "scores", "matrix": "mlp_out", "block_order": "forward", "counts": [1, 2]}
    fresh.configure(sweeps={"equal": equal, "plain": plain})
    fresh.finish("results/tiny/pages/mlp.html")
    table = read_table(fresh.results / "tables/mlp.tsv")
    assert set(table["sweep"]) >= {"equal", "plain"}
    assert table["rise"].ne(0).all()
    changes = read_table(fresh.results / "tables/output_changes.tsv")
    rows = json.loads((fresh.results / "corrupt/changes/mlp.json").read_text())
    assert len(changes) == len(rows) == 2 * changes["block"].nunique()
    assert changes["noise_fraction"].between(0, 1).all()
    assert (fresh.results / "figures/mlp.svg").exists()
    assert (fresh.results / "figures/mlp.png").exists()
    assert "MLP" in (fresh.results / "pages/mlp.html").read_text()
    fresh.configure()
    assert not {"match_outputs", "summarise_mlp", "show_mlp"} & set(fresh.planned())
