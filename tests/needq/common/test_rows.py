"""The types of rows have the columns of the files that they are rows of."""

import pytest
from needq.common import rows, schemas


@pytest.mark.parametrize(
    ("row", "schema"),
    [
        (rows.TextRow, schemas.TEXTS),
        (rows.TraceRow, schemas.TRACE),
        (rows.DocumentRow, schemas.EVALUATION),
        (rows.TextScoreRow, schemas.TEXT_SCORES),
        (rows.AnswerRow, schemas.TASKS),
        (rows.ReferenceTextRow, schemas.REFERENCE_TEXTS),
        (rows.DiffRow, schemas.DIVERGENCE),
        (rows.LedgerRow, schemas.LEDGER),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_row_has_the_columns_of_its_schema(row, schema):
    fields = row.__required_keys__ | row.__optional_keys__
    assert row.__required_keys__ <= set(schema.names) <= fields


def test_an_intervention_is_known_by_the_columns_of_the_schemas():
    assert list(rows.InterventionKeys.__annotations__) == list(schemas.INTERVENTION)
