"""The churn logic of one customer: tenure group, lifetime value, score, segment."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from contract.churn import ANALYSIS_SQL, TenureBand, tenure_group_sql
from contract.columns import KEY
from contract.schemas.gold import ANALYSIS
from tests.spark.frames import assert_cases, assert_declared, by_name, table_frame
from transforms import gold
from transforms.spark_schema import spark_type


def customer(name, tenure=1, monthly="10.00", churn=False, **changes):
    figures = {"tenure_months": tenure, "monthly_charges": Decimal(monthly), "churn": churn}
    return {KEY: name, "is_complete": True, "_batch_id": 1} | figures | changes


def analysed(spark, customers):
    return by_name(gold.churn_analysis(table_frame(spark, "silver.customers", customers)).collect(), KEY)


LOGIC = [
    (12, "100", True, "0-12", 1200, 82.0, "Low-Value, High-Risk"),
    (13, "100", False, "13-24", 1300, 0.0, "Low-Value, Low-Risk"),
    (24, "100", True, "13-24", 2400, 64.0, "High-Value, High-Risk"),
    (20, "100", True, "13-24", 2000, 70.0, "Low-Value, High-Risk"),
    (25, "100", False, "25+", 2500, 0.0, "High-Value, Low-Risk"),
    (27, "100", True, "25+", 2700, 59.5, "High-Value, Low-Risk"),
    (72, "10", True, "25+", 720, -8.0, "Low-Value, Low-Risk"),
    (0, "0", True, "0-12", 0, 100.0, "Low-Value, High-Risk"),
    (0, "10000", False, "0-12", 0, 0.0, "Low-Value, Low-Risk"),
    (1, "2000", False, "0-12", 2000, 0.0, "Low-Value, Low-Risk"),
    (1, "2000.01", False, "0-12", Decimal("2000.01"), 0.0, "High-Value, Low-Risk"),
    (26, "1", True, "25+", 26, 61.0, "Low-Value, High-Risk"),
    (1200, "10000", True, "25+", 12_000_000, -1700.0, "High-Value, Low-Risk"),
    (7, "33.33", False, "0-12", Decimal("233.31"), 0.0, "Low-Value, Low-Risk"),
]


def test_churn_logic_follows_the_rules(spark):
    cases = {f"{tenure} months at {monthly}, {churn}": case for case in LOGIC for tenure, monthly, churn in [case[:3]]}
    customers = [customer(name, *case[:3]) for name, case in cases.items()]
    frame = gold.churn_analysis(table_frame(spark, "silver.customers", customers))
    rows = frame.collect()
    assert_declared(frame, "gold.customer_churn_analysis", rows)
    columns = ("customer_tenure_group", "cltv", "churn_score", "risk_segment", "churn_flag")
    assert_cases(
        {name: tuple(row[c] for c in columns) for name, row in by_name(rows, KEY).items()},
        {name: (*case[3:], int(case[2])) for name, case in cases.items()},
    )


def test_logic_agrees_with_plain_python(spark):
    generator = random.Random(5)
    customers = [
        customer(
            f"C{n:03d}",
            generator.randrange(0, 80),
            f"{generator.randrange(0, 20000) / 100:.2f}",
            generator.random() < 0.5,
        )
        for n in range(300)
    ]
    expected = {}
    for row in customers:
        months, left = row["tenure_months"], row["churn"]
        value, score = row["monthly_charges"] * months, Decimal(100) - Decimal("1.5") * months if left else Decimal(0)
        group = "0-12" if months <= 12 else "13-24" if months <= 24 else "25+"
        segment = f"{'High' if value > 2000 else 'Low'}-Value, {'High' if score > 60 else 'Low'}-Risk"
        expected[row[KEY]] = (group, value, score, segment)
    found = analysed(spark, customers)
    columns = ("customer_tenure_group", "cltv", "churn_score", "risk_segment")
    assert_cases({name: tuple(row[c] for c in columns) for name, row in found.items()}, expected)
    assert len({segment for *_, segment in expected.values()}) == 4


def test_incomplete_customers_stay_out(spark):
    customers = [customer("complete"), customer("incomplete", is_complete=False), customer("unknown", is_complete=None)]
    assert set(analysed(spark, customers)) == {"complete"}


def test_reason_is_of_churned_customers(spark):
    reasons = {
        "left": customer("left", churn=True, churn_reason="Moved"),
        "left without one": customer("left without one", churn=True),
        "stays": customer("stays", churn_reason="Moved"),
    }
    found = {name: row["churn_reason"] for name, row in analysed(spark, reasons.values()).items()}
    assert_cases(found, {"left": "Moved", "left without one": None, "stays": None})


BANDS = (TenureBand("0-6", 6), TenureBand("7-12", 12), TenureBand("13-36", 36), TenureBand("37+", None))


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        (BANDS, {0: "0-6", 6: "0-6", 7: "7-12", 12: "7-12", 13: "13-36", 36: "13-36", 37: "37+", 1200: "37+"}),
        ((TenureBand("all", None),), {0: "all", 1200: "all"}),
        ((TenureBand("first", 0), TenureBand("later", None)), {0: "first", 1: "later"}),
    ],
)
def test_other_tenure_bands_give_other_groups(spark, monkeypatch, bands, expected):
    monkeypatch.setitem(ANALYSIS_SQL, "customer_tenure_group", tenure_group_sql(bands))
    found = analysed(spark, [customer(str(months), months) for months in expected])
    assert_cases({int(name): row["customer_tenure_group"] for name, row in found.items()}, expected)


def _other(field):
    """Another value than the one of `_some`."""
    return {"string": "other", "boolean": False, "int": 2, "double": 2.5, "date": None}.get(field.type, Decimal("2.50"))


def _some(field):
    return {"string": "some", "boolean": True, "int": 1, "double": 1.5}.get(field.type, Decimal("1.50"))


def test_change_in_any_column_counts(spark):
    """Also from and to null; the same values, or null on both sides, are no change."""
    base = {field.name: _some(field) for field in ANALYSIS}
    cases = {"nothing": ({}, {}, False)}
    for field in ANALYSIS:
        if field.name != KEY:
            name = field.name
            cases[f"{name} differs"] = ({}, {name: _other(field)}, True)
            cases[f"{name} becomes null"] = ({}, {name: None}, True)
            cases[f"{name} was null"] = ({name: None}, {}, True)
            cases[f"{name} stays null"] = ({name: None}, {name: None}, False)
    sides = [
        table_frame(
            spark, "gold.customer_churn_analysis", [base | {KEY: name} | case[side] for name, case in cases.items()]
        )
        for side in (0, 1)
    ]
    joined = sides[0].alias("t").join(sides[1].alias("s"), F.col(f"t.{KEY}") == F.col(f"s.{KEY}"))
    found = {row[0]: row[1] for row in joined.selectExpr(f"t.{KEY}", gold.has_changed()).collect()}
    assert_cases(found, {name: differs for name, (_, _, differs) in cases.items()})


def test_types_of_declaration_are_sparks():
    names = ("decimal(10,2)", "bigint", "timestamp", "array<string>", "date", "double", "int", "boolean", "string")
    assert {name: spark_type(name).simpleString() for name in names} == {name: name for name in names}
    with pytest.raises(KeyError):
        spark_type("varchar(3)")


def test_declared_schema_keeps_nullability_and_comments():
    from transforms.spark_schema import spark_schema

    found = spark_schema(ANALYSIS)
    assert [(f.name, f.nullable, f.metadata["comment"]) for f in found] == [
        (f.name, f.nullable, f.comment) for f in ANALYSIS
    ]
    changed = replace(ANALYSIS, fields=tuple(replace(f, nullable=True) for f in ANALYSIS))
    assert all(field.nullable for field in spark_schema(changed))
