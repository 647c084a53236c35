"""The page of probes: what is still read, and what is not, then a table per property."""

from pathlib import Path

from needq.common.probes import PROPERTIES
from needq.report.probes import ProbePages, describe_probes
from page_reader import Reader
from probe_data import probes

TEMPLATES = sorted((Path(__file__).parents[3] / "report/templates").iterdir())


def test_the_page_begins_with_what_is_found():
    page = ProbePages(TEMPLATES, "test", ["cpu"], cuda=False).probes(probes(), "W_Q")
    text = Reader(page).text
    assert describe_probes(probes(), "W_Q") in text
    for name in PROPERTIES:
        measure = "R2 (guessing: 0)" if name == "position" else "accuracy (guessing: 0.200)"
        assert f"{name.capitalize()}: {measure}" in text
    assert "1 block replaced" in text
    assert "0.450" in text  # the last layer with 12 blocks replaced
    assert "tables/probes.tsv" in text


def test_what_is_lost_is_told_from_what_is_kept():
    assert describe_probes(probes(), "W_Q") == (
        "With W_Q of 12 blocks replaced, the residual stream still tells the number of the subject "
        "(accuracy 0.900, pristine 0.900), the end of sentence (accuracy 0.900, pristine 0.900) "
        "and the position (R2 0.900, pristine 0.900). It has lost more than half of what the "
        "pristine blocks add about the previous token (accuracy 0.450, pristine 0.900) and the "
        "last name (accuracy 0.450, pristine 0.900)."
    )
    kept = describe_probes(probes(counts=(0, 1)), "W_K")
    assert kept.startswith("With W_K of 1 block replaced, the residual stream still tells the prev")
    assert "lost" not in kept
    lost = describe_probes(probes(properties=PROPERTIES[:1]), "W_Q")
    assert lost.startswith("With W_Q of 12 blocks replaced, the residual stream has lost more than")
