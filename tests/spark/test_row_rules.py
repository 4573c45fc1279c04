"""Received text to typed values, and the violations where that fails."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from contract.columns import COLUMNS, NO, YES
from contract.feeds import FEEDS
from contract.tables import TABLES
from tests.spark.frames import FILE_TIME, INGESTED_AT, assert_cases, bronze_frame, by_name, nullable
from transforms.row_rules import trimmed_sql
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
    ("country", "null", "null"),
]


def test_values_are_conformed(spark):
    cases = {f"{column} {text!r}": (column, text, value) for column, text, value in [*VALUES, *_spellings()]}
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


VIOLATIONS = [
    ({"tenure_months": "abc"}, "tenure_months: 'abc' is not a whole number from 0 to 1,200"),
    ({"tenure_months": "-1"}, "tenure_months: '-1' is not a whole number from 0 to 1,200"),
    ({"tenure_months": "1201"}, "tenure_months: '1201' is not a whole number from 0 to 1,200"),
    ({"tenure_months": "10.5"}, "tenure_months: '10.5' is not a whole number from 0 to 1,200"),
    ({"tenure_months": "1,200"}, "tenure_months: '1,200' is not a whole number from 0 to 1,200"),
    ({"tenure_months": "NaN"}, "tenure_months: 'NaN' is not a whole number from 0 to 1,200"),
    ({"tenure_months": ""}, "tenure_months: missing"),
    ({"monthly_charges": "-5"}, "monthly_charges: '-5' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "-0.01"}, "monthly_charges: '-0.01' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "10000.01"}, "monthly_charges: '10000.01' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "99999999"}, "monthly_charges: '99999999' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "$5"}, "monthly_charges: '$5' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "9" * 70}, f"monthly_charges: '{'9' * 60}' is not an amount from 0 to 10,000"),
    ({"monthly_charges": "Infinity"}, "monthly_charges: 'Infinity' is not an amount from 0 to 10,000"),
    ({"total_charges": ""}, "total_charges: missing"),
    ({"latitude": "90.0001"}, "latitude: '90.0001' is not a number from -90 to 90"),
    ({"longitude": "west"}, "longitude: 'west' is not a number from -180 to 180"),
    ({"source_churn_score": "101"}, "source_churn_score: '101' is not a whole number from 0 to 100"),
    ({"source_cltv": "-1"}, "source_cltv: '-1' is not a whole number from 0 to 10,000,000"),
    ({"customer_id": " "}, "customer_id: missing"),
    ({"customer_id": None}, "customer_id: missing"),
    ({"customer_id": "x" * 65}, "customer_id: longer than 64 characters"),
    ({"internet_service": "Carrier pigeon"}, "internet_service: 'Carrier pigeon' is not one of DSL, Fiber optic, No"),
    ({"gender": "F emale?x"}, "gender: 'F emale?x' is not one of Male, Female"),
    ({"contract": None}, "contract: missing"),
    ({"partner": "perhaps"}, "partner: 'perhaps' is not yes or no"),
    ({"churn": "Maybe"}, "churn: 'Maybe' is not yes or no"),
    ({"churn": ""}, "churn: missing"),
    ({"churn": "Yes", "churn_value": "0"}, "churn: label and value contradict each other"),
    ({"city": "x" * 201}, "city: longer than 200 characters"),
    ({"updated_at": "2999-01-01"}, "updated_at: '2999-01-01' is in the future"),
    ({"updated_at": "2026-03-11T06:00:01Z"}, "updated_at: '2026-03-11T06:00:01Z' is in the future"),
    ({"updated_at": "yesterday"}, "updated_at: 'yesterday' is not a time"),
    ({"updated_at": "2026-02-30"}, "updated_at: '2026-02-30' is not a time"),
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
        "own day": ("2026-01-05", datetime(2026, 1, 5, tzinfo=UTC)),
        "a day ahead of us": ("2026-03-11T06:00:00Z", datetime(2026, 3, 11, 6, tzinfo=UTC)),
        "none": (None, FILE_TIME),
        "blank": (" ", FILE_TIME),
    }
    found = conformed(spark, CUSTOMERS, {name: {"updated_at": text} for name, (text, _) in cases.items()})
    assert_cases(
        {name: (row["_event_at"], row["_violations"]) for name, row in found.items()},
        {name: (at, []) for name, (_, at) in cases.items()},
    )


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
        "unknown columns differ": (first | {"_rescued_data": "{}"}, first, True),
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
    absent, blank = dict.fromkeys(("city", "state")), {"city": ""}
    found = conformed(spark, CUSTOMERS, {"absent": absent, "blank": absent | blank, "given": {"city": "Fresno"}})
    assert_cases(
        {name: (row["_has_location"], row["_has_assessment"], row["_has_billing"]) for name, row in found.items()},
        {"absent": (False, False, True), "blank": (True, False, True), "given": (True, False, True)},
    )


def test_trimming_gives_null_for_blank(spark):
    cases = {" a ": "a", "\t a b \r\n": "a b", "": None, " \t\r\n": None, "\u00a0x": "\u00a0x", "''": "''", None: None}
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
