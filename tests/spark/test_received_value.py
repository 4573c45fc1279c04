"""Received text means the same to Spark and to who reads without it."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from contract.columns import EVENT_TIME, KEY, NULL_WORDS
from transforms import received_value
from transforms.received_text import carried_sql, event_time_sql, key_sql, valued_sql, visible_key_sql
from transforms.row_rules import sequence_sql

_ODD = "\u200b\ufeff\xad\xa0\u3000\x85\x1c\x00\t\n\r "
_KEYS = [
    "",
    " 7590-VHVEG ",
    "7590\u200b-VHVEG",
    "1234.0",
    "1234.00",
    "A\tB",
    "e\u0301a\u0325",
    "\u1e01",
    "NaN",
    "null ",
    "n/a",
    "\u0301",
]
_TIMES = [
    "2026-01-31", " 20260131 ", "2026-1-3", "2026-01-31T", "2026-01-31T10", "2026-01-31 10:15", "2026-01-31T10:15:00Z",
    "2026-01-31T10:15Z", "2026-01-31 10:15:00.1234567+01:00", "2026-01-31 10:15:00. +1", "2026-01-31 1:5:9 UTC",
    "2026-02-30", "2026-01-31T24:00:00", "2026-01-31 10:15:00 Europe/Berlin", "2026-03-29 02:30:00 Europe/Berlin",
    "2026-10-25 02:30:00 Europe/Berlin", "2026-01-31 10:15:00+0130", "2026-01-31 10:15:00-1:5", "2026-01-31T10:15:00+18:01",
    "2026-01-31T10:15:00z", "2026-01-31T10:15:00 GMT-3", "31.01.2026", "2026-01-31\u200b", "2026-01-31\xa010:15:00", "T10",
    "2026-01-31 10:15:00.5 Nowhere", "2026-01-31 10:15:00,5", "", "null", "2026-01-31T10:15:00+130", "1769-01-01",
]  # fmt: skip
_SEQUENCES = [
    "", " ", "NULL", "12", " 12 ", "16/B374D848", "binlog.000012:345", "1.0E+15", "1,000", "1,0000", "1e5", "abc", "a1",
    "-", "0x1F", "9" * 70, "1.5",
]  # fmt: skip


def _by_spark(spark: SparkSession, texts: list[str]) -> list[tuple]:
    frame = spark.createDataFrame([(n, t) for n, t in enumerate(texts)], "n int, text string")
    received = frame.selectExpr(
        "n", f"text AS {KEY}", f"text AS {EVENT_TIME}", "text AS _sequence", "'a.csv' AS _source_file"
    )
    keyed = received.selectExpr("*", f"{visible_key_sql()} AS _visible").selectExpr(
        "*", f"{key_sql('_visible')} AS _whole"
    )
    found = keyed.orderBy("n").selectExpr(
        f"{carried_sql(KEY)} AS c",
        f"{valued_sql('_whole', NULL_WORDS)} AS k",
        f"CAST({event_time_sql()} AS string) AS t",
        f"{sequence_sql()} AS s",
    )
    return [tuple(row) for row in found.collect()]


def _by_python(text: str) -> tuple:
    at = received_value.event_time(text)
    shown = None if at is None else f"{at:%Y-%m-%d %H:%M:%S}" + f".{at:%f}".rstrip("0").rstrip(".")
    return received_value.carried(text), received_value.customer_key(text), shown, received_value.sequence(text)


@pytest.mark.parametrize("texts", [_KEYS, _TIMES, _SEQUENCES, ["x" * 70_000, "é" * 65_536, "é" * 65_537]])
def test_known_spellings(spark, texts):
    assert [_by_python(text) for text in texts] == _by_spark(spark, texts)


_KEY = st.text(st.sampled_from(f"a1.0e{_ODD}\u0301\u0325\u1e01é\U0001f600"), max_size=8)
_PART = st.sampled_from(["", "0", "1", "09", "10", "59", "60", "123"])
_TIME = st.builds(
    "{}{}-{}-{}{}{}:{}:{}{}{}".format,
    st.sampled_from(["", " ", "\u200b"]), st.sampled_from(["2026", "1969", "20261"]), _PART, _PART,
    st.sampled_from(["T", " ", "\xa0", "x"]), _PART, _PART, _PART, st.sampled_from(["", ".", ".5", ".1234567"]),
    st.sampled_from(["", "Z", " Z", "+01:00", "-0330", "+1", "+1:5", "UTC", "GMT+2", "+19:00", "America/New_York", "!"]),
)  # fmt: skip
_SEQUENCE = st.text(st.sampled_from("0189aAfFgG.,:/-+eE "), max_size=12)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.lists(_KEY | _TIME | _SEQUENCE, min_size=60, max_size=120))
def test_any_spelling(spark, texts):
    both = zip(texts, map(_by_python, texts), _by_spark(spark, texts), strict=True)
    assert [(text, ours, theirs) for text, ours, theirs in both if ours != theirs] == []
