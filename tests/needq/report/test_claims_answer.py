"""The answer on the claims: how many have each verdict, and which tests failed."""

import numpy
import pandas
from needq.report.claims_answer import describe_claims

NAN = numpy.nan


def test_claims_are_counted_by_verdict():
    table = pandas.DataFrame(
        [
            ("C1", "a", "all 2 tests", NAN, NAN, NAN, "refuted"),
            ("C1", "a", "share; above 1", 0.5, 0.4, 0.6, "refuted"),
            ("C1", "a", "share; above 0", 0.5, 0.4, 0.6, "supported"),
            ("C2", "b", "all 1 tests", NAN, NAN, NAN, "undecided"),
            ("C2", "b", "share; above 1", 0.5, "n too small", "n too small", "undecided"),
        ],
        columns="claim statement test estimate low high verdict".split(),
    )
    said, found = describe_claims(table)
    assert said == "Of 2 claims: 1 refuted (C1), 0 supported, 1 undecided (C2)."
    assert [(one["claim"], one["count"]) for one in found] == [
        ("C1", "2 tests: 1 refuted, 1 supported"),
        ("C2", "1 test: 0 refuted, 0 supported"),
    ]
    assert describe_claims(None) == ("Not tested in this run.", [])
    assert [test["test"] for test in found[0]["failed"]] == ["share; above 1"]
