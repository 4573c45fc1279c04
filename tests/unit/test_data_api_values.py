"""Fields of AWS's Data API as Python values, and its error texts."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.aws.data_api import typed_value


def _same(found, value):
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("field", "kind", "value"),
    [
        ({"isNull": True}, "int4", None),
        ({"isNull": True}, "numeric", None),
        ({"longValue": 7}, "int8", 7),
        ({"booleanValue": False}, "bool", False),
        ({"doubleValue": 0.5}, "float8", 0.5),
        ({"doubleValue": 2}, "float8", 2.0),
        ({"stringValue": "Infinity"}, "float8", float("inf")),
        ({"stringValue": ""}, "varchar", ""),
        ({"stringValue": "2026-01-01"}, "varchar", "2026-01-01"),
        ({"stringValue": "1.50"}, "numeric", Decimal("1.50")),
        ({"stringValue": "2026-02-28"}, "date", date(2026, 2, 28)),
        ({"stringValue": "23:59:59.5"}, "time", time(23, 59, 59, 500_000)),
        ({"stringValue": "2026-02-28 10:00:00+00"}, "timestamptz", datetime(2026, 2, 28, 10, tzinfo=UTC)),
        ({"stringValue": '{"a": 1}'}, "super", '{"a": 1}'),
        ({"stringValue": "infinity"}, "timestamp", "infinity"),
        ({"stringValue": "0044-03-15 BC"}, "date", "0044-03-15 BC"),
    ],
)
def test_a_field_becomes_the_value_of_its_type(field, kind, value):
    _same(typed_value(field, kind), value)


@given(st.datetimes())
def test_timestamps_are_read_with_and_without_fractions(moment):
    text = str(moment)
    _same(typed_value({"stringValue": text.rstrip("0") if "." in text else text}, "timestamp"), moment)


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), st.integers(-12, 14))
def test_moments_are_given_in_utc(moment, hours):
    zoned = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    found = typed_value({"stringValue": f"{moment}{hours:+03d}"}, "timestamptz")
    assert found == zoned
    assert found.tzinfo is UTC


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_decimals_keep_their_digits(number):
    found = typed_value({"stringValue": f"{number:f}"}, "numeric")
    assert found.as_tuple() == number.as_tuple()
