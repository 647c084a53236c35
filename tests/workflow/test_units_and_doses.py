"""Sweeps of heads and of doses have their tables, figures and pages; other runs have none."""

from document_tables import PageTables
from needq.common.published import read_table

MADE = ("units", "doses")


def test_sweeps_of_heads_and_of_doses_have_pages(fresh):
    heads = {"run": "scores", "steps": "heads", "heads": [0, 3], "block_order": [5, 6]}
    dosed = {"run": "scores", "steps": "doses", "doses": [0.5, 1], "block_order": [5]}
    fresh.configure(sweeps={"heads": heads, "dosed": dosed})
    fresh.finish(*(f"results/tiny/pages/{name}.html" for name in MADE))
    units = read_table(fresh.results / "tables/units.tsv")
    assert sorted(zip(units["block"], units["head"], strict=True)) == [
        (5, 0),
        (5, 3),
        (6, 0),
        (6, 3),
    ]
    assert units["rise"].ne(0).all()
    row = read_table(fresh.results / "tables/unit_reliability.tsv").iloc[0]
    assert (row["units"], row["noise_seeds"], row["verdict"]) == (4, 2, "cannot be decided")
    assert read_table(fresh.results / "tables/doses.tsv")["dose"].tolist() == [0, 0.5, 1]
    assert len(read_table(fresh.results / "tables/half_doses.tsv")) == 1
    pages = [PageTables((fresh.results / f"pages/{name}.html").read_text()).text for name in MADE]
    assert "too few noise seeds" in pages[0]
    assert "half-damage dose" in pages[1]
    assert all(
        (fresh.results / f"figures/{name}.{kind}").exists()
        for name in MADE
        for kind in ("svg", "png")
    )
    fresh.configure()
    planned = fresh.planned()
    assert not {f"{verb}_{name}" for verb in ("summarise", "show") for name in MADE} & set(planned)
