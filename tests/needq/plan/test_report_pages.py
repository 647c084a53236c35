"""The pages of a run."""

from needq.plan.report_pages import opposite, report_pages
from needq.plan.selection import Selection
from planning import read


def pages(*changes):
    return list(report_pages(Selection(read(*changes), False)))


def test_pages_are_those_of_what_is_run():
    found = pages()
    assert {"claims", "ledger", "flips"} < set(found)
    assert len(found) == len(set(found)) == 13
    fewer = pages(
        ("divergence.causes.pairs", []),
        ("divergence.precisions.backends", []),
        ("sweeps.cumulative.heads", [0]),
    )
    assert "probes" in pages(("probes.run", True))
    assert fewer == [page for page in found if page not in ("claims", "ledger", "flips")]


def test_beside_the_reference_is_a_gpu_or_a_prediction_of_one_or_any_other():
    assert opposite(Selection(read(), True)) == "cuda"
    assert opposite(Selection(read(), False)) == "predicted_cuda"
    assert opposite(Selection(read(("divergence.pairs", [["cpu", "exact"]])), True)) == "exact"
    assert opposite(Selection(read(("divergence.pairs", [])), True)) is None
