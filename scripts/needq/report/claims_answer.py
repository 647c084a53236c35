"""What became of the claims, in sentences: the part of a run's answer that its tests give."""

from pandas import DataFrame

from needq.report.cells import with_tests
from needq.report.content import Claim

VERDICTS = ("refuted", "supported", "undecided", "cannot be decided")


def describe_claims(table: DataFrame | None) -> tuple[str, list[Claim]]:
    """How many claims have each verdict, in words; and each claim with its tests.

    A claim whose name ends with + is stronger than what the article says, so it is named apart.
    """
    if table is None or table.empty:
        return "Not tested in this run.", []
    tested, parts = with_tests(table), []
    stronger = [claim for claim in tested if claim["claim"].endswith("+")]
    own = [claim for claim in tested if claim not in stronger]
    for verdict in VERDICTS:
        names = [claim["claim"] for claim in own if claim["verdict"] == verdict]
        parts.append(f"{len(names)} {verdict}" + (f" ({', '.join(names)})" if names else ""))
    for claim in tested:
        found = [test["verdict"] for test in claim["tests"]]
        claim["failed"] = [test for test in claim["tests"] if test["verdict"] == "refuted"]
        tests = f"{len(found)} tests" if len(found) > 1 else "1 test"
        counts = [f"{found.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in found]
        claim["count"] = f"{tests}: {', '.join(counts)}"
    model = tested[0]["model"]
    said = f"Of {len(own)} claims of the article, tested on {model}: {', '.join(parts)}."
    if stronger:
        verdicts = ", ".join(f"{claim['claim']} {claim['verdict']}" for claim in stronger)
        said += f" Stronger than the article: {verdicts}."
    return said, tested
