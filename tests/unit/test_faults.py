"""Faulty records: each breaks what its name says, and nothing else."""

import json

import pytest

from contract.columns import COLUMN
from contract.feeds import FEEDS, normalize_header
from sample_data.faults import FAULTS, as_csv, as_json
from tests.support.records import GOOD

BY_NAME = {fault.name: fault for fault in FAULTS}
ALL = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))


def _record(fault):
    return {column: GOOD[column] for column in FEEDS[fault.feed].columns if column in GOOD}


def _changed(name):
    """The values of a fault's one line that are not those of the good record."""
    fault = BY_NAME[name]
    (line,) = fault.spoil(_record(fault))
    spoiled = json.loads(line)
    return {key: spoiled.get(key) for key, value in _record(fault).items() if spoiled.get(key) != value}


@ALL
def test_fault_makes_its_lines(fault):
    lines = fault.spoil(_record(fault))
    assert len(lines) == fault.rows
    assert all(b"\n" not in line for line in lines)
    assert fault.feed in FEEDS


@ALL
def test_good_record_stays_good(fault):
    record = _record(fault)
    fault.spoil(record)
    assert record == _record(fault)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("tenure is negative", "tenure_months"),
        ("charges are negative", "monthly_charges"),
        ("charges are absurd", "monthly_charges"),
    ],
)
def test_number_leaves_its_bounds(name, column):
    (changed,) = _changed(name).items()
    low, high = COLUMN[column].bounds
    assert changed[0] == column
    assert not low <= changed[1] <= high


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("tenure is no number", {"tenure_months": "abc"}),
        ("id is missing", {"customer_id": None}),
        ("churn is neither yes nor no", {"churn": "Maybe"}),
        ("unknown category", {"internet_service": "Carrier pigeon"}),
    ],
)
def test_one_value_is_spoiled(name, changed):
    assert _changed(name) == changed


def test_unknown_category_has_no_spelling():
    column = COLUMN["internet_service"]
    spellings = {normalize_header(value) for value in column.values} | {s for v in column.values.values() for s in v}
    assert normalize_header("Carrier pigeon") not in spellings


def test_same_id_has_two_values():
    fault = BY_NAME["same id twice, different values"]
    first, second = (json.loads(line) for line in fault.spoil(_record(fault)))
    assert first["customer_id"] == second["customer_id"]
    assert first["monthly_charges"] != second["monthly_charges"]


def test_broken_json_cannot_be_read():
    fault = BY_NAME["broken JSON"]
    (line,) = fault.spoil(_record(fault))
    with pytest.raises(ValueError, match=r"Unterminated string|Expecting"):
        json.loads(line)


def test_bad_bytes_are_no_text():
    fault = BY_NAME["invalid UTF-8"]
    (line,) = fault.spoil(_record(fault))
    with pytest.raises(UnicodeDecodeError):
        line.decode()
    assert line.count(b",") == len(_record(fault)) - 1


def test_long_line_has_more_fields():
    fault = BY_NAME["wrong number of fields"]
    (line,) = fault.spoil(_record(fault))
    assert line.count(b",") == len(_record(fault)) - 1 + 3


def test_names_and_feeds_are_varied():
    assert len(BY_NAME) == len(FAULTS)
    assert {fault.feed for fault in FAULTS} == {"billing", "services", "demographics"}


def test_missing_values_are_left_out():
    assert as_json({"a": 1, "b": None, "c": "é"}) == '{"a": 1, "c": "é"}'.encode()
    assert as_csv({"a": 1, "b": None, "c": "x"}) == b"1,,x"
