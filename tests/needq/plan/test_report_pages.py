"""The pages of a run."""

from needq.plan.report_pages import report_pages
from needq.plan.selection import Selection
from planning import read


def pages(*changes):
    return list(report_pages(Selection(read(*changes), False)))


def test_pages_are_those_of_what_is_run():
    found = pages()
    assert {"claims", "ledger", "flips"} < set(found)
    assert len(found) == len(set(found)) == 12
    fewer = pages(
        ("divergence.causes.pairs", []),
        ("divergence.precisions.backends", []),
        ("sweeps.cumulative.heads", [0]),
    )
    assert fewer == [page for page in found if page not in ("claims", "ledger", "flips")]
