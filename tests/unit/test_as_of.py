"""The options of a question to the past."""

from datetime import UTC, datetime

import pytest

from contract.errors import QueryError
from serving.as_of import Moment, Past, moment
from serving.lake_sql import for_athena

PAST = Past(moment("2026-01-31"), moment("2026-02-05T10:00:00+01:00"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", Moment(datetime(2026, 2, 1, tzinfo=UTC), is_included=False)),
        ("2026-01-31T10:15:00", Moment(datetime(2026, 1, 31, 10, 15, tzinfo=UTC))),
        ("2026-01-31 10:15:00+02:00", Moment(datetime(2026, 1, 31, 8, 15, tzinfo=UTC))),
        ("2026-01-31T10:15:00Z", Moment(datetime(2026, 1, 31, 10, 15, tzinfo=UTC))),
    ],
)
def test_day_means_its_end_and_time_is_utc(text, expected):
    assert moment(text) == expected


@pytest.mark.parametrize("text", ["", "2026-01", "yesterday", "2026-02-30", "31.01.2026", "9999-12-31"])
def test_other_words_are_refused(text):
    with pytest.raises(QueryError, match="is not a date such as 2026-01-31"):
        moment(text)


def test_tables_without_a_past_are_refused():
    with pytest.raises(QueryError, match=r"gold\.churn_kpis has no history"):
        for_athena("SELECT * FROM gold.churn_kpis", "churn_", PAST)


def test_athena_is_asked_for_the_history():
    sql = for_athena(
        "SELECT count(*) FROM gold.customer_churn_analysis AS a JOIN silver.customers USING (customer_id)", "x_", PAST
    )
    assert sql.count("FROM x_silver.customer_history") == 2
    assert "gold" not in sql
    assert sql.count("valid_from < CAST('2026-02-01 00:00:00.000000+00:00' AS TIMESTAMP WITH TIME ZONE)") == 2
    assert "CAST('2026-02-05 09:00:00.000000+00:00' AS TIMESTAMP WITH TIME ZONE)" in sql
