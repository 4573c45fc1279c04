"""What a manager reads when customers are newly at risk."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake.alerts import TOP, Alert, AtRisk
from tasks.alerts import body, subject


def _customer(number=1, city="Fresno"):
    return AtRisk(f"C{number:03d}", city, "High-Value, Low-Risk", 1050.5, 20_000, 85)


def _alert(customers, *, shown=None):
    top = tuple(_customer(number) for number in range(1, (min(customers, TOP) if shown is None else shown) + 1))
    return Alert(7, "2026-03-04", customers, 1050.5 * customers, 20_000 * customers, top)


def _named(text):
    return [line for line in text.splitlines() if line.split(".")[0].isdigit()]


@pytest.mark.parametrize(
    ("customers", "line"),
    [
        (1, "1 customer newly at risk, $1,050.50 a month"),
        (2, "2 customers newly at risk, $2,101.00 a month"),
        (1234, "1,234 customers newly at risk, $1,296,317.00 a month"),
    ],
)
def test_subject_counts_customers(customers, line):
    assert subject(_alert(customers)) == line


def test_single_customer_reads_well():
    assert body(_alert(1)).splitlines() == [
        "On 2026-03-04, 1 customer is newly at risk: still here, scored over 70.",
        "The customer pays $1,050.50 a month.",
        "",
        "Call first:",
        "1. C001 (Fresno): score 85, $20,000 lifetime value, $1,050.50 a month",
    ]


def test_several_customers_are_summed():
    lines = body(_alert(2)).splitlines()
    assert lines[0] == "On 2026-03-04, 2 customers are newly at risk: still here, scored over 70."
    assert lines[1] == "Together: $2,101.00 a month, $40,000 lifetime value."
    assert [line[:7] for line in _named(body(_alert(2)))] == ["1. C001", "2. C002"]


@given(st.integers(1, 5000))
def test_ten_are_named_and_others_counted(customers):
    text = body(_alert(customers))
    assert len(_named(text)) == min(customers, 10)
    last = text.splitlines()[-1]
    if customers > 10:
        assert last == f"and {customers - 10:,} more: gold.customer_movements, newly_at_risk"
    else:
        assert last.startswith(f"{customers}. C")


@pytest.mark.parametrize("city", [None, ""])
def test_unknown_city_is_said(city):
    alert = Alert(7, "2026-03-04", 1, 1.0, 1, (_customer(city=city),))
    assert "C001 (city unknown): " in body(alert)


def test_unknown_lifetime_value_is_no_zero():
    customers = tuple(dataclasses.replace(_customer(number), source_cltv=None) for number in (1, 2))
    lines = body(Alert(7, "2026-03-04", 2, 2.0, None, customers)).splitlines()
    assert lines[1] == "Together: $2.00 a month, lifetime value unknown."
    assert lines[4] == "1. C001 (Fresno): score 85, lifetime value unknown, $1,050.50 a month"


def test_text_is_plain():
    assert "<" not in body(_alert(3))
    assert "\n" not in subject(_alert(3))
