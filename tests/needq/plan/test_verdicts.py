"""The last lines of a run."""

import re
import time

from needq.common import columns, files
from needq.plan import verdicts as summary

STATEMENT = "With W_Q of one block replaced, the text is still coherent, the grammar"
C1 = {"claim": "C1", "statement": f"{STATEMENT} still right.", "run": "a", "model": "gpt2"}
ROWS = [
    C1 | {"test": "all 3 tests", "verdict": "refuted"},
    C1
    | {"test": "share of texts; above 4/5", "estimate": "0.51234", "low": "0.4", "high": "0.6"}
    | {"p": "0.001", "p_holm": "0.002", "verdict": "refuted"},
    C1
    | {"test": "loss; below 1/5", "estimate": "0.1", "low": "n too small", "high": "n too small"}
    | {"verdict": "cannot be decided", "why": "4 noise seeds"},
    C1 | {"test": "half-point; above 0", "verdict": "cannot be decided", "why": "no text"},
]


def test_claims_have_their_verdict_estimate_and_interval(tmp_path):
    rows = [[row.get(name, "") for name in columns.CLAIMS] for row in ROWS]
    lines = ["\t".join(row) for row in [list(columns.CLAIMS), *rows]]
    files.write_text(tmp_path / "claims.tsv", "\n".join(lines) + "\n")
    first, *lines = summary.claims(tmp_path / "claims.tsv")
    where = f"{tmp_path}/claims.tsv"
    assert first == f"The claims of the article, tested on gpt2 (all digits: {where}):"
    assert lines == [
        f"C1    refuted           {STATEMENT}",
        "                        still right.",
        "      refuted           share of texts; above 4/5: 0.512 (0.4 to 0.6)",
        "      cannot be decided loss; below 1/5: 0.1 (n too small) (4 noise seeds)",
        "      cannot be decided half-point; above 0 (no text)",
    ]
    assert max(map(len, lines)) <= summary.WIDTH


def test_the_last_lines_are_the_answer_the_time_and_what_to_open(tmp_path):
    (tmp_path / "answer.txt").write_text("Do we? Yes.\n", encoding="utf-8")
    made = (tmp_path / "answer.txt").stat().st_mtime
    first, second, end = summary.last_lines(tmp_path, time.time() - 125)
    assert first == "Do we? Yes."
    assert re.fullmatch(rf"This took 2 min \d s\. Open {tmp_path}/index\.html", second)
    assert end == ""
    # nothing of a run that was made before
    assert list(summary.last_lines(tmp_path, made + 1)) == []


def test_verify_ends_with_what_it_found(tmp_path):
    log = tmp_path / "logs/verify.log"
    log.parent.mkdir()
    log.write_text("12:00 root: noise: 3 of 3 reproduced\n12:01 root: 5 of 5 digests reproduced\n")
    started = log.stat().st_mtime
    first, end = summary.last_lines(tmp_path, started)
    assert (
        first == "5 of 5 digests reproduced: exact arithmetic gives the same bits on this machine"
    )
    assert end == ""
    assert list(summary.last_lines(tmp_path, started + 1)) == []
    log.write_text("12:00 root: noise: 3 of 3 reproduced\n")  # it failed after that
    assert list(summary.last_lines(tmp_path, started)) == []
