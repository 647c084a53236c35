"""What became of the claims, in sentences: the part of a run's answer that its tests give."""

from pandas import DataFrame

from needq.report.cells import with_tests
from needq.report.content import Claim


def describe_claims(table: DataFrame | None) -> tuple[str, list[Claim]]:
    """How many claims have each verdict, in words; and each claim with its tests."""
    if table is None or table.empty:
        return "Not tested in this run.", []
    tested, parts = with_tests(table), []
    for verdict in ("refuted", "supported", "undecided"):
        names = [claim["claim"] for claim in tested if claim["verdict"] == verdict]
        parts.append(f"{len(names)} {verdict}" + (f" ({', '.join(names)})" if names else ""))
    for claim in tested:
        claim["failed"] = [test for test in claim["tests"] if test["verdict"] == "refuted"]
        supported = sum(test["verdict"] == "supported" for test in claim["tests"])
        tests = f"{len(claim['tests'])} tests" if len(claim["tests"]) > 1 else "1 test"
        claim["count"] = f"{tests}: {len(claim['failed'])} refuted, {supported} supported"
    return f"Of {len(tested)} claims: {', '.join(parts)}.", tested
