"""The pages of a run."""

import pytest
from needq.common.errors import UserError
from needq.plan.report_pages import opposite, report_pages, require_pages
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


def test_a_run_of_an_older_version_has_no_front_page(tmp_path):
    (tmp_path / "pages").mkdir()
    for name in ("index.html", "pages/claims.html", "pages/labels.html"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"front\.html is missing, so .*: run snakemake once more"):
        require_pages(tmp_path, ["claims", "labels"])
    with pytest.raises(UserError, match=r"front\.html and 1 other file are missing"):
        require_pages(tmp_path, ["claims", "labels", "flips"])
    (tmp_path / "front.html").touch()
    require_pages(tmp_path, ["claims", "labels"])
