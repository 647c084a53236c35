"""The answer on the claims: how many have each verdict, and which tests failed."""

import numpy
import pandas
from needq.report.claims_answer import describe_claims

NAN = numpy.nan


def test_claims_are_counted_by_verdict():
    table = pandas.DataFrame(
        [
            ("C1", "a", "all 2 tests", NAN, NAN, NAN, "refuted", ""),
            ("C1", "a", "share; above 1", 0.5, 0.4, 0.6, "refuted", ""),
            ("C1", "a", "share; above 0", 0.5, 0.4, 0.6, "supported", ""),
            ("C2", "b", "all 1 tests", NAN, NAN, NAN, "cannot be decided", "no text"),
            ("C2", "b", "share; above 1", NAN, NAN, NAN, "cannot be decided", "no text"),
        ],
        columns="claim statement test estimate low high verdict why".split(),
    ).assign(run="r", model="gpt2")
    said, found = describe_claims(table)
    assert said == (
        "Of 2 claims of the article, tested on gpt2: 1 refuted (C1), 0 supported, 0 undecided, "
        "1 cannot be decided (C2)."
    )
    assert [(one["claim"], one["count"]) for one in found] == [
        ("C1", "2 tests: 1 refuted, 1 supported"),
        ("C2", "1 test: 1 cannot be decided"),
    ]
    stronger = pandas.concat([table, table.iloc[:3].assign(claim="C2+")])
    assert describe_claims(stronger)[0] == f"{said} Stronger than the article: C2+ refuted."
    assert describe_claims(None) == ("Not tested in this run.", [])
    assert [test["test"] for test in found[0]["failed"]] == ["share; above 1"]
    assert [one["why"] for one in found] == ["", "no text"]
