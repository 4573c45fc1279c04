"""`churn history`: the rows of one customer, for a person."""

from datetime import UTC, datetime

import pytest

from contract.errors import QueryError, UnknownCustomerError
from serving.history import display_rows, history_of
from tests.support.lake_tables import write_rows

TABLE = "silver.customer_history"


def _day(day, month=1):
    return datetime(2026, month, day, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path):
    common = {"customer_id": "17", "is_current": False, "is_complete": True}
    rows = [
        {"valid_from": _day(1), "recorded_from": _day(2), "change": "new", "contract": "Month-to-month", "churn": False},
        {
            "valid_from": _day(1, 3), "recorded_from": _day(2, 3), "recorded_to": _day(5, 3), "change": "changed",
            "contract": "One year", "churn": False, "changed_columns": ["contract"], "_batch_id": 2,
        },
        {
            "valid_from": _day(1, 3), "recorded_from": _day(5, 3), "change": "changed", "contract": "One year",
            "churn": True, "churn_reason": "Moved", "changed_columns": ["contract", "churn", "churn_reason"], "_batch_id": 3,
        },
        {"valid_from": _day(1, 4), "recorded_from": _day(2, 4), "change": "deleted", "is_complete": False, "_batch_id": 4},
    ]  # fmt: skip
    write_rows(tmp_path, TABLE, *({"_batch_id": 1, "changed_columns": []} | common | row for row in rows))
    write_rows(tmp_path, TABLE, common | rows[0] | {"customer_id": "it's", "_batch_id": 1, "changed_columns": []})
    return tmp_path


def test_changes_have_what_was_before(lake):
    assert display_rows(history_of(lake, " 17 ")) == [
        ("2026-01-01 00:00", "2026-01-02 00:00", "new", ""),
        ("2026-03-01 00:00", "2026-03-02 00:00 until 2026-03-05 00:00", "changed", "contract: One year"),
        (
            "2026-03-01 00:00",
            "2026-03-05 00:00",
            "changed",
            "contract: Month-to-month → One year; churn: no → yes; churn_reason: nothing → Moved",
        ),
        ("2026-04-01 00:00", "2026-04-02 00:00", "deleted", ""),
    ]


def test_quotes_are_part_of_an_id(lake):
    assert [row["customer_id"] for row in history_of(lake, "it's")] == ["it's"]


def test_unknown_customer_is_said(lake):
    with pytest.raises(UnknownCustomerError, match="no history of the customer 18"):
        history_of(lake, "18")


def test_lake_without_history_says_what_makes_it(tmp_path):
    with pytest.raises(QueryError, match="The next run makes it: churn run"):
        history_of(tmp_path, "17")
