"""Fields and formulas of the Tableau data source, their values held to those of the SQL."""

import pytest
from hypothesis import given

from contract.metrics import DIMENSIONS, HEADLINES, MEASURES, METRICS, METRICS_BY_DIMENSION, SECONDARY
from contract.schemas.gold import ANALYSIS_VIEW
from serving.tableau.fields import CALCULATIONS, COLUMNS, FIELDS, REASON_FIELD, STATE_FIELD, Field
from serving.tableau.formulas import REASON, STATE, bracketed, measure_formula, metric_formula, number_format
from serving.tableau.workbook import SHEETS
from tests.unit.sqlite_gold import ROWS, ask, from_tableau

EVERY = METRICS | METRICS_BY_DIMENSION


@given(ROWS)
def test_tableau_counts_like_the_warehouse(rows):
    ours = ask(rows, *(metric.sql for metric in EVERY.values()))
    theirs = ask(rows, *(from_tableau(metric_formula(metric)) for metric in EVERY.values()))
    assert theirs == pytest.approx(ours)


@pytest.mark.parametrize(
    ("churned", "reason", "shown", "state"),
    [
        (1, "Moved", "Moved", "Churned"),
        (1, None, "Unknown", "Churned"),
        (0, None, "Not churned", "Retained"),
        (0, "Moved", "Not churned", "Retained"),
    ],
)
def test_reason_is_of_churned_customers(churned, reason, shown, state):
    row = ("a", churned, 1, 1, 1, None, reason)
    assert ask([row], from_tableau(REASON), from_tableau(STATE)) == (shown, state)


def test_sum_of_nobody_is_zero():
    for metric in METRICS.values():
        if not metric.denominator:
            nothing = None if MEASURES[metric.numerator].known else 0
            assert ask([], from_tableau(metric_formula(metric))) == (nothing,), metric.name


def test_ratio_of_nobody_is_empty():
    assert ask([], from_tableau(metric_formula(METRICS["churn_rate"]))) == (None,)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("customers", "n#,##0;-#,##0"), ("churn_rate", '*0.00" %"'), ("monthly_revenue", 'c"$"#,##0.00;-"$"#,##0.00')],
)
def test_format_follows_the_unit(name, pattern):
    assert number_format(METRICS[name]) == pattern


def test_columns_are_those_of_view():
    assert [column.name for column in COLUMNS] == ANALYSIS_VIEW.names
    assert [column.comment for column in COLUMNS] == [field.comment for field in ANALYSIS_VIEW]
    assert all(column.formula == "" for column in COLUMNS)


def test_names_are_given_once():
    assert len(FIELDS) == len(COLUMNS) + len(CALCULATIONS)
    assert set(FIELDS) >= {*HEADLINES, *SECONDARY.values(), *METRICS_BY_DIMENSION}


@pytest.mark.parametrize("field", COLUMNS, ids=lambda field: field.name)
def test_column_has_its_tableau_type(field):
    kind = ANALYSIS_VIEW[field.name].type
    expected = {"int": "integer", "bigint": "integer", "boolean": "boolean", "double": "real", "string": "string"}
    assert field.datatype == ("real" if kind.startswith("decimal") else expected[kind])
    assert field.remote_type.isdigit()
    assert field.is_aggregate is False
    assert field.derivation == "None"


def test_amounts_are_measures():
    measures = {column.name for column in COLUMNS if column.role == "measure"}
    assert measures >= {"cltv", "churn_score", "monthly_charges", "tenure_months"}
    assert not measures & set(DIMENSIONS)
    assert all(FIELDS[name].caption == dimension.label for name, dimension in DIMENSIONS.items())


@pytest.mark.parametrize(
    ("field", "instance", "kind"),
    [
        (Field("city", "City", "string", "dimension"), "none:city:nk", "nominal"),
        (Field("cltv", "CLTV", "real", "measure"), "none:cltv:qk", "quantitative"),
        (Field("rate", "Rate", "real", "measure", "SUM([x])"), "usr:rate:qk", "quantitative"),
        (Field("state", "State", "string", "dimension", '"x"'), "none:state:nk", "nominal"),
    ],
)
def test_instance_tells_the_aggregation(field, instance, kind):
    assert field.instance == instance
    assert field.kind == kind
    assert field.derivation == ("User" if instance.startswith("usr") else "None")


def test_calculations_carry_their_definitions():
    for field in CALCULATIONS:
        if field.name in EVERY:
            metric = EVERY[field.name]
            assert (field.caption, field.comment) == (metric.label, metric.definition)
            assert field.formula == metric_formula(metric)
            assert field.format == number_format(metric)
    assert {REASON_FIELD, STATE_FIELD} <= {field.name for field in CALCULATIONS}


def test_measures_are_wrapped_once():
    assert measure_formula(MEASURES["customers"]) == "ZN(SUM(1))"
    assert measure_formula(MEASURES["cltv"]) == "ZN(SUM(IFNULL([cltv], 0)))"
    assert measure_formula(MEASURES["churned"]) == "ZN(SUM(IF [churn_flag] = 1 THEN 1 ELSE 0 END))"
    assert bracketed("city") == "[city]"


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_sheet_uses_known_fields(sheet):
    names = [field.name for field in sheet.fields]
    assert len(names) == len(set(names))
    assert set(sheet.filtered) <= set(names) <= set(FIELDS)
    assert sheet.only == "" or sheet.filtered[-1] == sheet.only
