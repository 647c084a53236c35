"""The last lines of a run."""

from needq.common import columns, files
from needq.plan import verdicts as summary

STATEMENT = "With W_Q of one block replaced, the text is still coherent, the grammar"
ROWS = [
    ["methods", f"{STATEMENT} still right.", "all 3 tests", "", "", "", "refuted"],
    ["C1", STATEMENT, "share of texts; above 4/5", "0.51234", "0.4", "0.6", "refuted"],
    ["C1", STATEMENT, "loss; below 1/5", "0.1", "n too small", "n too small", "undecided"],
    ["C1", STATEMENT, "half-point; above 0", "", "", "", "undecided"],
]


def test_claims_have_their_verdict_estimate_and_interval(tmp_path):
    lines = ["\t".join(row) for row in [list(columns.CLAIMS), *ROWS]]
    files.write_text(tmp_path / "claims.tsv", "\n".join(lines) + "\n")
    first, *lines = summary.claims(tmp_path / "claims.tsv")
    assert first == f"The claims of the article (all digits: {tmp_path}/claims.tsv):"
    assert lines == [
        f"methods     refuted    {STATEMENT} still",
        "                       right.",
        "            refuted    share of texts; above 4/5: 0.512 (0.4 to 0.6)",
        "            undecided  loss; below 1/5: 0.1 (n too small)",
        "            undecided  half-point; above 0: none (no interval)",
    ]
    assert max(map(len, lines)) <= summary.WIDTH
