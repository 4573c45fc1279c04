"""The breakdown and the KPIs, against pandas."""

import random
from decimal import Decimal

import pandas as pd
import pytest
from pyspark.sql.types import StringType, StructField

from contract.columns import KEY
from contract.metrics import DIMENSIONS, MEASURES, METRICS, METRICS_BY_DIMENSION
from tests.spark.frames import INGESTED_AT, assert_cases, assert_declared, table_frame, utc
from transforms import gold

NEEDED = {
    "churned_source_cltv": "valued", "high_source_score": "scored", "at_risk": "scored",
    "at_risk_monthly_revenue": "scored", "at_risk_source_cltv": "assessed",
}  # fmt: skip
CHANGE = StructField("_change_type", StringType())


def random_customer(generator, name):
    months, left = generator.randrange(0, 40), generator.random() < 0.4
    monthly = Decimal(generator.randrange(1000, 12000)) / 100
    return {
        KEY: name,
        "gender": generator.choice(["Male", "Female", None]),
        "city": generator.choice(["Fresno", "Eureka", "San José", None]),
        "contract": generator.choice(["One year", "Two year"]),
        "payment_method": generator.choice(["Mailed check", "Electronic check"]),
        "churn_reason": generator.choice(["Moved", "Price", None]) if left else None,
        "customer_tenure_group": "0-12" if months <= 12 else "13-24" if months <= 24 else "25+",
        "risk_segment": generator.choice(["Low-Value, Low-Risk", "High-Value, High-Risk"]),
        "monthly_charges": monthly,
        "cltv": monthly * months,
        "churn_flag": int(left),
        "churn_score": Decimal("0.0"),
        "source_churn_score": generator.choice([None, 0, 70, 71, 100]),
        "source_cltv": generator.choice([None, 0, 5000]),
    }


def customers_of(seed, count=150):
    generator = random.Random(seed)
    return {f"C{n:03d}": random_customer(generator, f"C{n:03d}") for n in range(count)}


def change_frame(spark, events):
    """Events as (change type, row of the analysis)."""
    rows = [row | {"_change_type": kind} for kind, row in events]
    return table_frame(spark, "gold.customer_churn_analysis", rows, CHANGE)


def scratch(spark, customers, version=1):
    inserted = change_frame(spark, [("insert", row) for row in customers.values()])
    nothing = table_frame(spark, "gold.churn_breakdown", [])
    return gold.breakdown(nothing, gold.breakdown_changes(inserted), version).persist()


def in_pandas(customers):
    """The measures by dimension and value, counted by pandas and rules written out here."""
    rows = pd.DataFrame(list(customers.values())).astype(
        {"monthly_charges": float, "cltv": float, "source_cltv": float}
    )
    left, scored = rows["churn_flag"] == 1, rows["source_churn_score"].astype(float).fillna(0) > 70
    monthly, source_cltv, ones = rows["monthly_charges"], rows["source_cltv"].fillna(0), pd.Series(1, rows.index)
    has_score, has_cltv = rows["source_churn_score"].notna(), rows["source_cltv"].notna()
    measured = pd.DataFrame(
        {
            "customers": ones,
            "churned": ones * left,
            "monthly_revenue": monthly,
            "churned_monthly_revenue": monthly * left,
            "cltv": rows["cltv"],
            "churned_cltv": rows["cltv"] * left,
            "churned_source_cltv": source_cltv * left,
            "high_source_score": ones * scored,
            "retained_monthly_revenue": monthly * ~left,
            "at_risk": ones * (scored & ~left),
            "at_risk_monthly_revenue": monthly * (scored & ~left),
            "at_risk_source_cltv": source_cltv * (scored & ~left),
            "scored": ones * has_score,
            "valued": ones * has_cltv,
            "assessed": ones * (has_score & has_cltv),
        }
    )
    assert list(measured) == list(MEASURES)
    found = {}
    for dimension in DIMENSIONS:
        values = rows[dimension].fillna("Unknown")
        chosen = left if dimension == "churn_reason" else ones.astype(bool)
        for value, sums in measured[chosen].groupby(values[chosen]).sum().iterrows():
            found[(dimension, value)] = {
                name: round(float(amount), 2) if sums[NEEDED.get(name, "customers")] else None
                for name, amount in sums.items()
            }
    return found


def _float(value):
    return None if value is None else float(value)


def measures(rows):
    return {(row["dimension"], row["value"]): {name: _float(row[name]) for name in MEASURES} for row in rows}


def test_breakdown_agrees_with_pandas(spark):
    customers = customers_of(1)
    frame = scratch(spark, customers)
    rows = frame.collect()
    assert_declared(frame, "gold.churn_breakdown", rows)
    expected = in_pandas(customers)
    assert_cases(measures(rows), expected)
    rates = {key: round(100 * sums["churned"] / sums["customers"], 4) for key, sums in expected.items()}
    assert_cases({(row["dimension"], row["value"]): float(row["churn_rate"]) for row in rows}, rates)
    assert {row["source_version"] for row in rows} == {1}


def random_changes(customers, seed):
    """A second state, and the change feed that leads there: also a customer who changes twice, and one who comes and goes."""
    generator = random.Random(seed)
    after, events = dict(customers), []
    for name in generator.sample(sorted(customers), 60):
        if generator.random() < 0.3:
            events.append(("delete", after.pop(name)))
            continue
        for _ in range(generator.randint(1, 2)):
            new = random_customer(generator, name)
            events += [("update_preimage", after[name]), ("update_postimage", new)]
            after[name] = new
    for number in range(20):
        new = random_customer(generator, f"N{number:03d}")
        events.append(("insert", new))
        if generator.random() < 0.3:
            events.append(("delete", new))
        else:
            after[new[KEY]] = new
    generator.shuffle(events)
    return after, events


def test_added_changes_equal_breakdown_from_scratch(spark):
    before = customers_of(2, 70)
    after, events = random_changes(before, 3)
    current = scratch(spark, before)
    rows = gold.breakdown(current, gold.breakdown_changes(change_frame(spark, events)), 2).collect()
    assert_cases(measures(rows), in_pandas(after))
    assert {row["source_version"] for row in rows} == {2}


def test_untouched_and_emptied_groups(spark):
    """A group keeps the version that changed it last; one without customers is gone."""
    base = {
        "contract": "One year",
        "payment_method": "Mailed check",
        "risk_segment": "Low-Value, Low-Risk",
        "gender": "Male",
    }
    base |= {"customer_tenure_group": "0-12", "monthly_charges": Decimal(10), "cltv": Decimal(10), "churn_flag": 0}
    fresno, eureka = base | {KEY: "F", "city": "Fresno"}, base | {KEY: "E", "city": "Eureka"}
    current = scratch(spark, {"F": fresno, "E": eureka}, version=4)
    moved = [("update_preimage", eureka), ("update_postimage", eureka | {"city": "Arcata"})]
    rows = gold.breakdown(current, gold.breakdown_changes(change_frame(spark, moved)), 5).collect()
    cities = {row["value"]: (row["customers"], row["source_version"]) for row in rows if row["dimension"] == "city"}
    assert_cases(cities, {"Fresno": (1, 4), "Arcata": (1, 5)})
    assert not [row for row in rows if row["dimension"] == "churn_reason"], "nobody has left"


def _expected_kpis(customers):
    groups = in_pandas(customers)
    segments = [sums for (dimension, _), sums in groups.items() if dimension == "risk_segment"]
    total = {name: sum(sums[name] or 0 for sums in segments) for name in MEASURES}
    left = total["churned"]
    expected = {
        "customers": total["customers"],
        "churned_customers": left,
        "churn_rate": 100 * left / total["customers"],
        "monthly_revenue": total["monthly_revenue"],
        "monthly_revenue_retained": total["monthly_revenue"] - total["churned_monthly_revenue"],
        "monthly_revenue_lost": total["churned_monthly_revenue"],
        "source_cltv_lost": total["churned_source_cltv"],
        "high_risk_customers": total["high_source_score"],
        "high_risk_share": 100 * total["high_source_score"] / total["customers"],
        "customers_at_risk": total["at_risk"],
        "at_risk_share": 100 * total["at_risk"] / total["customers"],
        "monthly_revenue_at_risk_share": 100 * total["at_risk_monthly_revenue"] / total["monthly_revenue"],
        "monthly_revenue_lost_share": 100 * total["churned_monthly_revenue"] / total["monthly_revenue"],
        "monthly_revenue_at_risk": total["at_risk_monthly_revenue"],
        "source_cltv_at_risk": total["at_risk_source_cltv"],
        "cltv_total": total["cltv"],
        "cltv_lost": total["churned_cltv"],
    }
    assert set(expected) == set(METRICS)
    for (dimension, value), sums in groups.items():
        if dimension == "risk_segment":
            expected[f"customers_in_segment:{value}"] = sums["customers"]
        if dimension == "customer_tenure_group":
            expected[f"churn_rate_by_tenure:{value}"] = 100 * sums["churned"] / sums["customers"]
        if dimension == "payment_method" and sums["churned"]:
            mean = sums["churned_monthly_revenue"] / sums["churned"]
            expected[f"mean_monthly_charges_of_churned:{value}"] = mean
    return expected


def test_kpis_agree_with_pandas(spark):
    customers = customers_of(4)
    frame = gold.kpis(scratch(spark, customers), "run-1", INGESTED_AT, 7)
    rows = frame.collect()
    assert_declared(frame, "gold.churn_kpis", rows)
    found = {row["kpi"]: float(row["value"]) for row in rows}
    assert_cases(found, {name: pytest.approx(value, abs=0.0001) for name, value in _expected_kpis(customers).items()})
    assert {(row["run_id"], utc(row["computed_at"]), row["source_version"]) for row in rows} == {
        ("run-1", INGESTED_AT, 7)
    }
    units = METRICS | METRICS_BY_DIMENSION
    assert all(row["unit"] == units[row["kpi"].partition(":")[0]].unit for row in rows)


def test_risk_without_scores_is_unknown(spark):
    """Not zero: neither in the groups nor in the KPIs, and known as soon as one customer has a score."""
    bare = {n: row | {"source_churn_score": None, "source_cltv": None} for n, row in customers_of(7, 40).items()}
    current = scratch(spark, bare)
    assert {row[name] for row in current.collect() for name in NEEDED} == {None}
    found = {row["kpi"]: row["value"] for row in gold.kpis(current, "r", INGESTED_AT, 0).collect()}
    unknown = {name for name, metric in METRICS.items() if metric.numerator in NEEDED}
    assert {name for name in METRICS if found[name] is None} == unknown
    name, before = next((name, row) for name, row in bare.items() if row["churn_flag"] == 0)
    scored = before | {"source_churn_score": 0}
    there = [("update_preimage", before), ("update_postimage", scored)]
    back = [("update_preimage", scored), ("update_postimage", before)]
    once = gold.breakdown(current, gold.breakdown_changes(change_frame(spark, there)), 2).persist()
    assert_cases(measures(once.collect()), in_pandas(bare | {name: scored}))
    assert {row["at_risk"] for row in once.where("scored = 1").collect()} == {0}
    again = gold.breakdown(once, gold.breakdown_changes(change_frame(spark, back)), 3).collect()
    assert_cases(measures(again), in_pandas(bare))


def test_ratio_of_nothing_is_null(spark):
    """Nobody has left, or nobody is there: the share of nothing is unknown, not zero."""
    rows = gold.kpis(table_frame(spark, "gold.churn_breakdown", []), "r", INGESTED_AT, 0).collect()
    assert {row["kpi"]: row["value"] for row in rows} == dict.fromkeys(METRICS)
    staying = {name: row | {"churn_flag": 0, "churn_reason": None} for name, row in customers_of(6, 30).items()}
    found = {row["kpi"]: row["value"] for row in gold.kpis(scratch(spark, staying), "r", INGESTED_AT, 0).collect()}
    assert (found["churn_rate"], found["churned_customers"]) == (0, 0)
    means = [value for name, value in found.items() if name.startswith("mean_monthly_charges_of_churned:")]
    assert means == [None, None]
