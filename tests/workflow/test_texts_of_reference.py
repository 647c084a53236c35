"""A sweep whose texts the reference alone generates: in its tables, and in no comparison."""

from needq.common.published import read_table


def test_the_reference_alone_has_texts_of_single_blocks(fresh):
    single = {"run": "texts_of_reference", "block_order": [5, 6]}
    none = {"precisions": {"backends": []}, "causes": {"pairs": []}}
    fresh.configure(
        sweeps={"single": single}, cuda=False, divergence={"pairs": [["cpu", "cpu_keyed"]]} | none
    )
    planned = fresh.planned()
    # two backends, and the reference once more; both score both sweeps, and compare one
    counts = {"generate": 3, "score": 4, "repeat": 2, "compute_logits": 2, "diff": 3}
    assert {rule: planned[rule] for rule in counts} == counts
    wanted = ("tables/labels.tsv", "pages/gallery.html", "pages/side_by_side.html")
    fresh.finish(*(f"results/tiny/{name}" for name in wanted))
    table = read_table(fresh.results / "tables/degradation.tsv")
    texts = table.set_index(["backend", "intervention"])["texts"]
    # 2 prompts x 2 sample seeds, and two noise seeds of each block
    steps = ["q/single/none", "q/single/05", "q/single/06"]
    assert [texts["cpu", step] for step in steps] == [4, 8, 8]
    assert [texts["cpu_keyed", step] for step in steps] == [0, 0, 0]
    assert texts["cpu_keyed", "q/cumulative/01"] == 8
    rises = table.set_index(["backend", "intervention"])["rise"]
    assert rises["cpu_keyed", "q/single/05"] != 0
    labels = read_table(fresh.results / "tables/labels.tsv")
    assert set(labels.loc[labels["sweep"] == "single", "backend"]) == {"cpu"}
    divergence = read_table(fresh.results / "tables/divergence.tsv")
    assert set(divergence["sweep"]) == {"cumulative"}
    gallery = (fresh.results / "pages/gallery.html").read_text()
    assert "W_Q of block 5" in gallery
