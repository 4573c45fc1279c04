"""Received text to typed values, and the violations where that fails."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contract.columns import COLUMN, COLUMNS, NO, NULL_WORDS, YES
from contract.feeds import FEEDS
from contract.tables import TABLES
from tests.spark.frames import FILE_TIME, INGESTED_AT, assert_cases, bronze_frame, by_name, nullable
from transforms.received_text import key_sql, trimmed_sql, visible_key_sql
from transforms.row_rules import typed_sql
from transforms.silver import conform

CUSTOMERS, BILLING = FEEDS["customers"], FEEDS["billing"]
BOOLEANS = [column.name for column in COLUMNS if column.type == "boolean"]


def conformed(spark, feed, cases):
    """The conformed rows of cases, each by its name; one Spark job."""
    return by_name(conform(bronze_frame(spark, feed, cases), feed).collect(), "_source_file")


def _spellings():
    """Every declared spelling, as declared, in capitals and between spaces, and what it means."""
    for column in COLUMNS:
        for value, spellings in column.values.items():
            for text in (value, *spellings):
                yield column.name, text, value
                yield column.name, f" {text.upper()} ", value
    for text, value in [*((text, True) for text in YES), *((text, False) for text in NO)]:
        yield from ((column, shown, value) for column in BOOLEANS for shown in (text, f"\t{text.upper()}\r\n"))


VALUES = [
    ("gender", " female ", "Female"),
    ("senior_citizen", "1", True),
    ("partner", "TRUE", True),
    ("dependents", "n", False),
    ("internet_service", "fiber OPTIC", "Fiber optic"),
    ("internet_service", "Fibre-Optic", "Fiber optic"),
    ("contract", "month to month", "Month-to-month"),
    ("contract", "TWO_YEAR", "Two year"),
    ("payment_method", "Credit Card", "Credit card (automatic)"),
    ("payment_method", "bank transfer (AUTOMATIC)", "Bank transfer (automatic)"),
    ("multiple_lines", "no phone service", "No phone service"),
    ("online_security", "No Internet Service", "No internet service"),
    ("tenure_months", " 0 ", 0),
    ("tenure_months", "1200", 1200),
    ("tenure_months", "10.0", 10),
    ("tenure_months", "007", 7),
    ("tenure_months", "+5", 5),
    ("monthly_charges", "70.7", Decimal("70.70")),
    ("monthly_charges", "0", Decimal("0.00")),
    ("monthly_charges", "10000", Decimal("10000.00")),
    ("monthly_charges", "70.705", Decimal("70.71")),
    ("monthly_charges", "\t70.70\r\n", Decimal("70.70")),
    ("total_charges", "10000000", Decimal("10000000.00")),
    ("latitude", "-90", -90.0),
    ("latitude", "36.7378", 36.7378),
    ("longitude", "180", 180.0),
    ("source_churn_score", "100", 100),
    ("source_churn_score", "", None),
    ("source_cltv", None, None),
    ("latitude", "", None),
    ("city", "", None),
    ("city", "  San José ", "San José"),
    ("city", "a\tb\x7fc", "a b c"),
    ("city", "x" * 200, "x" * 200),
    ("churn_reason", 'it\'s "late" \\ slow', 'it\'s "late" \\ slow'),
    ("zip_code", "00501", "00501"),
    ("zip_code", "93701.0", "93701"),
    ("city", "a.0", "a.0"),
    ("city", "\u00a0San\u00a0Jos\u00e9\u200b", "San José"),
    ("city", "\u0085a\u0000b\u0080\ufeff", "a b"),
    ("latitude", "\u00a0", None),
    ("gender", "Male\u00a0", "Male"),
    ("monthly_charges", "\u00a070.70\u202f", Decimal("70.70")),
    ("senior_citizen", "0.0", False),
    ("partner", "1.0", True),
    ("online_security", "0.0", "No"),
    ("tenure_months", "10,0", 10),
    ("monthly_charges", "50,2", Decimal("50.20")),
    ("monthly_charges", "+50,25", Decimal("50.25")),
    ("total_charges", "1889,00", Decimal("1889.00")),
    ("latitude", "-36,7378", -36.7378),
    ("internet_service", "None", "No"),
    ("internet_service", "none", "No"),
    ("city", "Nullarbor", "Nullarbor"),
    ("city", "NA", "NA"),
]
# A column that may be empty, of every kind; as received, with spaces around it.
NULLS = [
    (column, text)
    for column in ("country", "zip_code", "churn_reason", "latitude", "source_cltv")
    for word in NULL_WORDS
    for text in (word, word.upper(), word.title(), f" {word}\t")
]


def test_values_are_conformed(spark):
    nulls = [(column, text, None) for column, text in NULLS]
    cases = {f"{column} {text!r}": (column, text, value) for column, text, value in [*VALUES, *nulls, *_spellings()]}
    found = conformed(spark, CUSTOMERS, {name: {column: text} for name, (column, text, _) in cases.items()})
    assert_cases(
        {name: (found[name][column], found[name]["_violations"]) for name, (column, _, _) in cases.items()},
        {name: (value, []) for name, (_, _, value) in cases.items()},
    )


def test_total_follows_from_tenure(spark):
    """A customer in the first month has no total yet; every other one must have one."""
    cases = {
        "blank in the first month": ({"tenure_months": " 0 ", "total_charges": " "}, Decimal("0.00")),
        "absent in the first month": ({"tenure_months": "0", "total_charges": None}, Decimal("0.00")),
        "zero as a decimal": ({"tenure_months": "0.0", "total_charges": ""}, Decimal("0.00")),
        "given in the first month": ({"tenure_months": "0", "total_charges": "12.5"}, Decimal("12.50")),
        "blank later": ({"tenure_months": "1", "total_charges": ""}, "total_charges: missing"),
        "blank without a tenure": ({"tenure_months": "", "total_charges": ""}, "total_charges: missing"),
    }
    found = conformed(spark, CUSTOMERS, {name: changes for name, (changes, _) in cases.items()})
    outcome = {
        n: next((v for v in row["_violations"] if v.startswith("total")), row["total_charges"])
        for n, row in found.items()
    }
    assert_cases(outcome, {name: expected for name, (_, expected) in cases.items()})


def test_churn_comes_from_label_or_value(spark):
    contradiction = ["churn: label and value contradict each other"]
    cases = {
        "label alone": ({"churn": "Yes"}, True, []),
        "value alone": ({"churn": None, "churn_value": "1"}, True, []),
        "value beside a blank label": ({"churn": " ", "churn_value": "0"}, False, []),
        "both agree": ({"churn": "No", "churn_value": "0"}, False, []),
        "value from pandas": ({"churn": None, "churn_value": "1.0"}, True, []),
        "value beside a null word": ({"churn": "NULL", "churn_value": "1"}, True, []),
        "unreadable label": ({"churn": "Maybe", "churn_value": "1"}, None, ["churn: 'Maybe' is not yes or no"]),
        "unreadable value": ({"churn": "Yes", "churn_value": "7"}, True, ["churn_value: '7' is not yes or no"]),
        "they contradict": ({"churn": "Yes", "churn_value": "0"}, True, contradiction),
        "they contradict the other way": ({"churn": "No", "churn_value": "1"}, False, contradiction),
        "neither": ({"churn": None, "churn_value": None}, None, ["churn: missing"]),
    }
    for feed in (CUSTOMERS, BILLING):
        found = conformed(spark, feed, {name: changes for name, (changes, _, _) in cases.items()})
        assert_cases(
            {name: (row["churn"], row["_violations"]) for name, row in found.items()},
            {name: (churn, violations) for name, (_, churn, violations) in cases.items()},
        )


NO_TIME = (
    "is not a time: a date 2026-01-31 or 20260131 is needed, then optionally a time 10:15:00 and a zone Z or +01:00"
)
NO_TIMES = (
    "yesterday", "now", "epoch", "10:15:00", "T10:15", "2026", "2026-01", "2026-02-30", "2026-01-05T24:00:00",
    "01/05/2026", "1767607200", "1767607200000", "20261305", "12026-01-01", "2026-01-05 10:00 PM",
)  # fmt: skip
VIOLATIONS = [
    ({"tenure_months": "abc"}, "tenure_months: 'abc' is not a whole number from 0 to 1,200"),
    ({"tenure_months": "-1"}, "tenure_months: '-1' is not a whole number from 0 to 1,200"),
    ({"tenure_months": "1201"}, "tenure_months: '1201' is not a whole number from 0 to 1,200"),
    ({"tenure_months": "10.5"}, "tenure_months: '10.5' is not a whole number from 0 to 1,200"),
    ({"tenure_months": "1,200"}, "tenure_months: '1,200' is not a whole number from 0 to 1,200"),
    ({"tenure_months": "NaN"}, "tenure_months: missing"),
    ({"tenure_months": "10,5"}, "tenure_months: '10,5' is not a whole number from 0 to 1,200"),
    ({"tenure_months": ""}, "tenure_months: missing"),
    ({"monthly_charges": "-5"}, "monthly_charges: '-5' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "-0.01"}, "monthly_charges: '-0.01' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "10000.01"}, "monthly_charges: '10000.01' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "99999999"}, "monthly_charges: '99999999' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "$5"}, "monthly_charges: '$5' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "9" * 70}, f"monthly_charges: '{'9' * 60}' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "Infinity"}, "monthly_charges: 'Infinity' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "1,234"}, "monthly_charges: '1,234' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "1,234,56"}, "monthly_charges: '1,234,56' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "1.234,56"}, "monthly_charges: '1.234,56' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "1,234.56"}, "monthly_charges: '1,234.56' is not an amount from 0 to 10,000"),
    ({"monthly_charges": ",5"}, "monthly_charges: ',5' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "a\x1b[2Jb"}, "monthly_charges: 'a [2Jb' is not an amount from 0 to 10,000"),
    ({"total_charges": ""}, "total_charges: missing"),
    ({"total_charges": "\\N"}, "total_charges: missing"),
    ({"latitude": "90.0001"}, "latitude: '90.0001' is not a number from -90 to 90"),
    ({"longitude": "west"}, "longitude: 'west' is not a number from -180 to 180"),
    ({"source_churn_score": "101"}, "source_churn_score: '101' is not a whole number from 0 to 100"),
    ({"source_cltv": "-1"}, "source_cltv: '-1' is not a whole number from 0 to 10,000,000"),
    ({"customer_id": " "}, "customer_id: missing"),
    ({"customer_id": None}, "customer_id: missing"),
    ({"customer_id": "x" * 65}, "customer_id: longer than 64 characters"),
    ({"customer_id": "N/A"}, "customer_id: missing"),
    ({"customer_id": "\u200b\u0000"}, "customer_id: missing"),
    ({"customer_id": "1.23457E+12"}, "customer_id: damaged by a spreadsheet, such as 1.2E+12: export the column as text"),
    ({"customer_id": "1,2e+05"}, "customer_id: damaged by a spreadsheet, such as 1.2E+12: export the column as text"),
    ({"internet_service": "Carrier pigeon"}, "internet_service: 'Carrier pigeon' is not one of DSL, Fiber optic, No"),
    ({"gender": "F emale?x"}, "gender: 'F emale?x' is not one of Male, Female"),
    ({"contract": None}, "contract: missing"),
    ({"gender": "NULL"}, "gender: missing"),
    ({"partner": "perhaps"}, "partner: 'perhaps' is not yes or no"),
    ({"partner": "-1"}, "partner: '-1' is not yes or no"),
    ({"partner": "1.5"}, "partner: '1.5' is not yes or no"),
    ({"partner": "\\N"}, "partner: missing"),
    ({"online_backup": "(1)"}, "online_backup: '(1)' is not one of Yes, No, No internet service"),
    ({"churn": "Maybe"}, "churn: 'Maybe' is not yes or no"),
    ({"churn": ""}, "churn: missing"),
    ({"churn": "Yes", "churn_value": "0"}, "churn: label and value contradict each other"),
    ({"city": "x" * 201}, "city: longer than 200 characters"),
    ({"updated_at": "2999-01-01"}, "updated_at: '2999-01-01' is in the future"),
    ({"updated_at": "2026-03-11T06:00:01Z"}, "updated_at: '2026-03-11T06:00:01Z' is in the future"),
    ({"updated_at": "1969-12-31T23:59:59Z"}, "updated_at: '1969-12-31T23:59:59Z' is before 1970-01-01"),
    ({"updated_at": "1899-12-30 00:00:00"}, "updated_at: '1899-12-30 00:00:00' is before 1970-01-01"),
    ({"updated_at": "0001-01-01T00:00:00"}, "updated_at: '0001-01-01T00:00:00' is before 1970-01-01"),
    *(({"updated_at": text}, f"updated_at: '{text}' {NO_TIME}") for text in NO_TIMES),
    ({"_parse_error": "not a JSON object", "churn": None}, "record: not a JSON object"),
]  # fmt: skip


def test_violation_names_column_and_value(spark):
    cases = {f"{message} {changes}": (changes, message) for changes, message in VIOLATIONS}
    assert len(cases) == len(VIOLATIONS)
    found = conformed(spark, CUSTOMERS, {name: changes for name, (changes, _) in cases.items()})
    assert_cases(
        {name: row["_violations"] for name, row in found.items()},
        {name: [message] for name, (_, message) in cases.items()},
    )


def test_every_violation_is_listed(spark):
    changes = {"customer_id": "", "gender": "x", "tenure_months": "-1", "city": "c" * 201, "updated_at": "never"}
    row = conformed(spark, CUSTOMERS, {"bad": changes})["bad"]
    subjects = [message.partition(":")[0] for message in row["_violations"]]
    assert subjects == ["customer_id", "updated_at", "gender", "city", "tenure_months"]


def test_event_time_prefers_own_time(spark):
    own = datetime(2026, 1, 5, 12, tzinfo=UTC)
    cases = {
        "own time": ("2026-01-05T12:00:00Z", own),
        "own time with an offset": ("2026-01-05T14:00:00+02:00", own),
        "own time without a zone": ("2026-01-05 12:00:00", own),
        "own time with a fraction": ("2026-01-05 12:00:00.000000999", own),
        "own time with a named zone": ("2026-01-05 13:00:00 Europe/Berlin", own),
        "own day": ("2026-01-05", datetime(2026, 1, 5, tzinfo=UTC)),
        "own day without hyphens": ("20260105", datetime(2026, 1, 5, tzinfo=UTC)),
        "own day without zeros": ("2026-1-5", datetime(2026, 1, 5, tzinfo=UTC)),
        "the first that can be": ("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC)),
        "null word": ("NaT", FILE_TIME),
        "a day ahead of us": ("2026-03-11T06:00:00Z", datetime(2026, 3, 11, 6, tzinfo=UTC)),
        "absent": (None, FILE_TIME),
        "blank": (" ", FILE_TIME),
    }
    found = conformed(spark, CUSTOMERS, {name: {"updated_at": text} for name, (text, _) in cases.items()})
    assert_cases(
        {name: (row["_event_at"], row["_violations"]) for name, row in found.items()},
        {name: (at, []) for name, (_, at) in cases.items()},
    )


def test_time_that_cannot_be_is_no_event_time(spark):
    """Neither that of a record nor that of a file, as an earlier release may have taken it from a file's name."""
    early, late = datetime(1969, 12, 31, tzinfo=UTC), INGESTED_AT + timedelta(days=1, seconds=1)
    cases = {
        "file of long ago": ({"_file_event_at": early}, INGESTED_AT),
        "file of the future": ({"_file_event_at": late}, INGESTED_AT),
        "file of the last moment": ({"_file_event_at": late - timedelta(seconds=1)}, late - timedelta(seconds=1)),
        "record of long ago": ({"updated_at": "0001-01-01"}, FILE_TIME),
        "record of the future": ({"updated_at": "9999-12-31"}, FILE_TIME),
        "both": ({"updated_at": "0001-01-01", "_file_event_at": late}, INGESTED_AT),
        "own time in a file of the future": (
            {"updated_at": "2026-01-05", "_file_event_at": late},
            datetime(2026, 1, 5, tzinfo=UTC),
        ),
    }
    found = conformed(spark, CUSTOMERS, {name: changes for name, (changes, _) in cases.items()})
    assert_cases({name: row["_event_at"] for name, row in found.items()}, {name: at for name, (_, at) in cases.items()})


def test_equal_looking_ids_are_one(spark):
    ids = {
        "A-1": [
            "A-1",
            " A-1\t",
            "\u00a0A-1",
            "A-1\u200b",
            "\ufeffA-1",
            "A\u00ad-1",
            "\u0000A-1\u0007",
            "\u2007A-1\u0085",
        ],
        "José": ["José", "Jose\u0301", "\u200bJose\u0301\u00a0"],
        "Ệ": ["\u1ec6", "E\u0323\u0302", "\u1eb8\u0302"],
        "が1": ["\u304c1", "\u304b\u30991"],
        "A 1": ["A 1", "A\u00a01", "A\t1", "A\u30001"],
        "1234": ["1234", "1234.0"],
        "000123": ["000123"],
        "a-1": ["a-1"],
        "x\u0302": ["x\u0302"],
        "1.50": ["1.50"],
        "12E4": ["12E4"],
    }
    cases = {
        (key, text): {"customer_id": text, "_source_file": repr(text)} for key, texts in ids.items() for text in texts
    }
    found = conformed(spark, BILLING, cases)
    assert_cases(
        {name: (row["customer_id"], row["_violations"]) for name, row in found.items()},
        {repr(text): (key, []) for key, text in cases},
    )


NOT_SEEN = ["\u200b", "\u200d", "\ufeff", "\u00ad", "\u0000", "\u001b", "\u0080", "\u2060"]
AROUND = [*NOT_SEEN, " ", "\u00a0", "\u2003", "\t", "\r\n"]
LETTERS = st.characters(codec="utf-8", categories=["L", "N", "P", "S"], max_codepoint=0x2FFF)


@st.composite
def _written_ids(draw):
    """An id, and how it may be written so that it looks the same."""
    key = draw(st.text(LETTERS, min_size=1, max_size=8)) + "z"
    composed = unicodedata.normalize("NFC", key)
    form = draw(st.sampled_from(["NFC", "NFD"]))
    inside = draw(st.sampled_from(NOT_SEEN))
    before, after = draw(st.sampled_from(AROUND)), draw(st.sampled_from(AROUND))
    return composed, before + inside.join(unicodedata.normalize(form, c) for c in composed) + after


@settings(max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(_written_ids(), min_size=150, max_size=150))
def test_ids_agree_with_unicode(spark, written):
    rows = spark.createDataFrame(written, "expected string, customer_id string")
    keys = rows.selectExpr("*", f"{visible_key_sql()} AS visible").selectExpr(
        "expected", f"{key_sql('visible')} AS key"
    )
    wrong = [(row["expected"], row["key"]) for row in keys.collect() if row["expected"] != row["key"]]
    assert not wrong


@st.composite
def _written_numbers(draw):
    """An amount with up to two decimals, and how it may be written; None where that may mean another one."""
    cents = draw(st.integers(0, 999_999))
    whole, part = divmod(cents, 100)
    point = draw(st.sampled_from([".", ","]))
    form = draw(st.sampled_from(["plain", "grouped", "whole"]))
    if form == "whole":
        return f"{whole}", Decimal(whole)
    if form == "grouped" and whole > 999:
        group = "," if point == "." else "."
        return f"{whole:,}".replace(",", group) + f"{point}{part:02d}", None
    return f"{whole}{point}{part:02d}", Decimal(cents) / 100


@settings(max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(_written_numbers(), min_size=150, max_size=150))
def test_amounts_agree_with_python(spark, written):
    frame = spark.createDataFrame(written, "t_monthly_charges string, expected decimal(10,2)")
    typed = frame.selectExpr("*", f"{typed_sql(COLUMN['monthly_charges'], BILLING)} AS found")
    assert typed.where("NOT (found <=> expected)").collect() == []


def test_same_key_must_not_contradict(spark):
    """Two records of one id, event time and file that differ are both wrong; repeated ones are not."""
    first, second = {"_source_file": "f", "monthly_charges": "10"}, {"_source_file": "f", "monthly_charges": "20"}
    pairs = {
        "differ": (first, second, True),
        "differ but for spaces around the id": (
            first | {"customer_id": " differ but for spaces around the id"},
            second,
            True,
        ),
        "repeated": (first, first, False),
        "other file": (first, second | {"_source_file": "g"}, False),
        "other batch": (first, second | {"_batch_id": 2}, False),
        "other event time": (first, second | {"updated_at": "2026-01-01"}, False),
        "equal event time": (
            first | {"updated_at": "2026-01-01"},
            second | {"updated_at": "2026-01-01T00:00:00Z"},
            True,
        ),
        "unknown columns differ": (first | {"_rescued_data": '{"Unnamed: 0":"1"}'}, first, False),
        "ids look the same": (first | {"customer_id": "\u00a0ids look the same"}, first, False),
        "ids look the same, values differ": (
            first | {"customer_id": "ids look the same, values differ\u200b"},
            second,
            True,
        ),
        "times are written differently": (
            first | {"updated_at": "2026-01-01"},
            first | {"updated_at": "2026-01-01T00:00:00Z"},
            False,
        ),
    }
    rows = {(name, side): {"customer_id": name} | pair[side] for name, pair in pairs.items() for side in (0, 1)}
    rows |= {("no id", side): {"customer_id": "", **changes} for side, changes in enumerate((first, second))}
    found = {}
    for row in conform(bronze_frame(spark, CUSTOMERS, rows), CUSTOMERS).collect():
        is_conflict = any("duplicate key with conflicting values" in message for message in row["_violations"])
        found.setdefault(row["customer_id"] or "no id", []).append(is_conflict)
    assert_cases(found, {name: [differs] * 2 for name, (_, _, differs) in pairs.items()} | {"no id": [False] * 2})


def test_raw_record_can_be_found_again(spark):
    cases = {
        "clean": {},
        "bad value": {"tenure_months": " abc "},
        "bad value beside unknown columns": {"tenure_months": "abc", "_rescued_data": '{"shoe_size":"44"}'},
        "unparsed": {"_parse_error": "not 3 fields", "_rescued_data": "a,b,c,d"},
    }
    raw = {name: row["_raw_record"] for name, row in conformed(spark, CUSTOMERS, cases).items()}
    assert raw["clean"] is None
    assert raw["unparsed"] == "a,b,c,d"
    assert json.loads(raw["bad value"])["tenure_months"] == " abc ", "as received, not trimmed"
    assert json.loads(raw["bad value beside unknown columns"])["_rescued_data"] == '{"shoe_size":"44"}'


@pytest.mark.parametrize("name", FEEDS)
def test_conform_types_are_declared(spark, name):
    feed = FEEDS[name]
    frame = conform(spark.createDataFrame([], nullable(TABLES[f"bronze.{name}"].schema)), feed)
    found = {field.name: field.dataType.simpleString() for field in frame.schema}
    assert {column.name: found[column.name] for column in feed.attributes} == {c.name: c.type for c in feed.attributes}
    assert (found["customer_id"], found["_event_at"], found["_violations"]) == ("string", "timestamp", "array<string>")
    assert {f"_has_{group.name}" for group in feed.groups} <= set(found)
    assert "_parse_error" not in found


def test_group_is_carried_where_sent(spark):
    """A column that is there but blank is sent; one that the file lacks is not."""
    cases = {"absent": {"city": None, "state": None}, "blank": {"city": "", "state": None}, "given": {"city": "Fresno"}}
    found = conformed(spark, CUSTOMERS, cases)
    assert_cases(
        {name: (row["_has_city"], row["_has_state"], row["_has_billing"]) for name, row in found.items()},
        {"absent": (False, False, True), "blank": (True, False, True), "given": (True, False, True)},
    )


def test_trimming_takes_off_what_is_not_seen(spark):
    cases = {
        " a ": "a", "\t a b \r\n": "a b", "": "", " \t\r\n": "", "\u00a0x": "x", "''": "''", None: None, "\u200b": "",
        "a\u00a0b": "a b", "é\u2003": "é", "\u0000a": "a", "a\u00adb": "ab",
    }  # fmt: skip
    rows = spark.createDataFrame([(text,) for text in cases], "received string")
    found = {
        row["received"]: row["trimmed"]
        for row in rows.selectExpr("received", f"{trimmed_sql('received')} trimmed").collect()
    }
    assert_cases(found, cases)


def test_ingest_time_limits_event_times(spark):
    """The limit is the time of the batch, not of the clock."""
    row = conformed(
        spark, CUSTOMERS, {"x": {"updated_at": "2026-01-02", "_ingested_at": datetime(2025, 12, 31, tzinfo=UTC)}}
    )["x"]
    assert row["_violations"] == ["updated_at: '2026-01-02' is in the future"]
    assert row["_ingested_at"] < INGESTED_AT


def test_time_that_a_wrong_clock_has_refused_is_judged_again(spark):
    """The machine was a year behind when it ingested; the next judgement is of today."""
    ingested = {"_ingested_at": datetime(2025, 3, 10, tzinfo=UTC)}
    cases = {"right": {"updated_at": "2026-03-10"} | ingested, "ahead": {"updated_at": "2026-03-12"} | ingested}
    frame = bronze_frame(spark, CUSTOMERS, cases)
    refused = by_name(conform(frame, CUSTOMERS).collect(), "customer_id")
    again = by_name(conform(frame, CUSTOMERS, datetime(2026, 3, 10, tzinfo=UTC)).collect(), "customer_id")
    assert [len(refused[name]["_violations"]) for name in cases] == [1, 1]
    assert [len(again[name]["_violations"]) for name in cases] == [0, 1]
    assert again["right"]["_event_at"] == datetime(2026, 3, 10, tzinfo=UTC)
