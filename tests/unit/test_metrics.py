"""Every figure: its SQL on rows, its words, its change, and its identity."""

import dataclasses
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.churn import HIGH_SOURCE_SCORE
from contract.metrics import (
    ASSESSED,
    AT_RISK,
    CHURNED,
    CONDITIONS,
    DEFINITION,
    DIMENSIONS,
    HEADLINES,
    MEASURES,
    METRICS,
    METRICS_BY_DIMENSION,
    NOT_AVAILABLE,
    SCORED,
    SECONDARY,
    VALUED,
    Comparison,
    Condition,
    Measure,
    Metric,
    fingerprint,
)
from contract.schemas.gold import ANALYSIS
from tests.unit.sqlite_gold import COLUMNS, ROWS, ask

EVERY = METRICS | METRICS_BY_DIMENSION
ALL = pytest.mark.parametrize("metric", EVERY.values(), ids=list(EVERY))
UNITS = {"customers": "1,235", "percent": "1234.57 %", "USD": "$1,234.57"}
CUSTOMER = ("a", 0, 100, 1000, 500, 71, None)


def _meets(condition, row):
    values = dict(zip(COLUMNS, row, strict=True))
    compared = {"=": operator.eq, ">": operator.gt, ">=": operator.ge}
    return all(
        (value := values[c.column]) is not None and compared[c.operator](value, c.value) for c in condition.comparisons
    )


def _sum(measure, rows):
    if measure.known and not any(_meets(measure.known, row) for row in rows):
        return None
    counted = [row for row in rows if measure.condition is None or _meets(measure.condition, row)]
    return sum((row[COLUMNS.index(measure.column)] or 0) if measure.column else 1 for row in counted)


@given(ROWS)
def test_measures_sum_their_customers(rows):
    expected = tuple(_sum(measure, rows) for measure in MEASURES.values())
    assert ask(rows, *(measure.sql for measure in MEASURES.values())) == expected


@given(ROWS)
def test_ratios_divide_their_measures(rows):
    ratios = [metric for metric in EVERY.values() if metric.denominator]
    for metric, value in zip(ratios, ask(rows, *(metric.sql for metric in ratios)), strict=True):
        part, whole = _sum(MEASURES[metric.numerator], rows), _sum(MEASURES[metric.denominator], rows)
        is_known = part is not None and whole
        assert value == (pytest.approx(metric.factor * part / whole) if is_known else None), metric.name


def test_optional_columns_may_make_a_figure_unknown():
    """What is summed or compared, and is not in every file: the measure says of whom it is known."""
    optional = {"source_churn_score", "source_cltv"}
    for measure in MEASURES.values():
        read = {measure.column} | {c.column for c in (measure.condition.comparisons if measure.condition else ())}
        needed = {c.column for c in (measure.known.comparisons if measure.known else ())}
        counts_the_known = measure.condition in (SCORED, VALUED, ASSESSED)
        assert needed == (set() if counts_the_known else read & optional), measure.name
        assert measure.known is None or MEASURES[measure.known.name].condition == measure.known


@given(ROWS)
def test_conditions_are_never_null(rows):
    counted = ask(rows, *(f"COUNT({condition.sql})" for condition in CONDITIONS))
    assert set(counted) == {len(rows)}


@given(ROWS)
def test_lost_and_retained_add_up(rows):
    lost, kept, whole = ask(rows, *(METRICS[f"monthly_revenue{part}"].sql for part in ("_lost", "_retained", "")))
    assert lost + kept == whole


@pytest.mark.parametrize(
    ("churned", "score", "counts"),
    [
        (0, HIGH_SOURCE_SCORE + 1, True),
        (0, HIGH_SOURCE_SCORE, False),
        (0, None, None),
        (1, HIGH_SOURCE_SCORE + 1, False),
    ],
)
def test_risk_needs_score_above_threshold(churned, score, counts):
    row = ("a", churned, 100, 1000, 500, score, None)
    assert ask([row], METRICS["customers_at_risk"].sql) == (counts,)
    assert ask([row], METRICS["source_cltv_at_risk"].sql) == (None if counts is None else 500 * counts,)


def test_empty_table_has_no_rate():
    assert ask([], METRICS["churn_rate"].sql, METRICS["customers"].sql) == (None, 0)
    assert ask([CUSTOMER], METRICS["churn_rate"].sql) == (0,)


@ALL
def test_parts_of_metric_exist(metric):
    assert EVERY[metric.name] is metric
    assert {metric.numerator, metric.denominator} - {""} <= set(MEASURES)
    assert metric.dimension == "" or metric.dimension in DIMENSIONS
    assert metric.desired_direction in (-1, 0, 1)
    assert metric.definition.endswith(".")


@ALL
def test_shares_are_ratios_in_percent(metric):
    assert metric.factor == (100 if metric.unit == "percent" else 1)
    assert metric.unit != "percent" or metric.denominator


@ALL
def test_text_carries_the_unit(metric):
    assert metric.text(1234.567) == UNITS[metric.unit]
    assert metric.text(None) == NOT_AVAILABLE == "not available"
    assert metric.text(0) != NOT_AVAILABLE


@given(st.sampled_from(sorted(EVERY)), st.floats(0, 1e9), st.floats(0, 1e9))
def test_change_has_its_sign(name, now, before):
    text = EVERY[name].change(now, before)
    if EVERY[name].unit != "percent" and before == 0:
        assert text == "from zero"
    else:
        assert text[0] == ("-" if now < before else "+")


@pytest.mark.parametrize(
    ("name", "now", "before", "words"),
    [
        ("churn_rate", 18.5, 20.0, "-1.50 points"),
        ("churn_rate", 5.0, 0.0, "+5.00 points"),
        ("monthly_revenue", 110.0, 100.0, "+10.0 %"),
        ("monthly_revenue", 0.0, 0.0, "from zero"),
        ("monthly_revenue", None, None, ""),
    ],
)
def test_change_reads_in_its_unit(name, now, before, words):
    assert METRICS[name].change(now, before) == words


def test_headlines_have_their_companions():
    assert set(HEADLINES) <= set(METRICS)
    assert set(SECONDARY) == set(HEADLINES)
    assert set(SECONDARY.values()) <= set(METRICS)
    assert all(name != beside for name, beside in SECONDARY.items())


def test_figures_read_columns_of_gold():
    compared = {comparison.column for condition in CONDITIONS for comparison in condition.comparisons}
    summed = {measure.column for measure in MEASURES.values() if measure.column}
    assert compared | summed | set(DIMENSIONS) <= set(ANALYSIS.names)


def test_condition_joins_its_comparisons():
    condition = Condition("old", (Comparison("age", ">", 64), Comparison("churn_flag", "=", 0)))
    assert condition.text() == "age > 64 AND churn_flag = 0"
    assert condition.text(lambda column: f"[{column}]") == "[age] > 64 AND [churn_flag] = 0"
    assert condition.column == "is_old"


def test_measure_adds_only_its_customers():
    measure = Measure("m", "meaning", "monthly_charges", CHURNED)
    assert measure.row_expression == "CASE WHEN churn_flag = 1 THEN COALESCE(monthly_charges, 0) ELSE 0 END"
    assert Measure("n", "meaning").row_expression == "1"
    assert Measure("n", "meaning", condition=AT_RISK).sql.startswith("COALESCE(SUM(CASE WHEN churn_flag = 0 AND ")
    known = Measure("n", "meaning", condition=CHURNED, known=VALUED)
    assert known.sql == "SUM(CASE WHEN source_cltv >= 0 THEN CASE WHEN churn_flag = 1 THEN 1 ELSE 0 END END)"


@given(st.text(), st.text())
def test_fingerprints_tell_texts_apart(one, other):
    assert (fingerprint(one) == fingerprint(other)) == (one == other)
    assert len(fingerprint(one)) == len(DEFINITION) == 12


def test_words_are_no_part_of_sql():
    metric = METRICS["churn_rate"]
    renamed = dataclasses.replace(metric, label="Attrition", definition="Other words.")
    assert renamed.sql == metric.sql
    assert Metric("x", "X", "X.", "USD", 0, numerator="cltv").sql == MEASURES["cltv"].sql
