"""Files as spreadsheets, scripts and broken clocks write them, from raw to silver."""

import csv

import pytest

from contract.columns import KEY
from tests.support.pipeline import PipelineHarness
from tests.support.records import record

GOOD_ROWS = 80
FAULTY_TIMES = ("0001-01-01T00:00:00", "1899-12-30 00:00:00", "2099-12-31", "08:30")


def _write(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, records[0])
        writer.writeheader()
        writer.writerows(records)


def _files():
    """Records by file; every file has customers of its own."""
    good = [record(f"time-{number}", updated_at="2026-01-05 10:00:00") for number in range(GOOD_ROWS)]
    faulty = [record(f"time-bad-{number}", updated_at=at) for number, at in enumerate(FAULTY_TIMES)]
    indexed = [record(f"index-{number}") for number in range(3)] * 2
    flags = {"senior_citizen": "0.0", "partner": "1.0", "churn": "1.0", "tenure_months": "12.0", "zip_code": "93701.0"}
    ids = ["id-1", "\u00a0id-1", "id\u200b-1", "id-José", "id-Jose\u0301"]
    points = {"tenure_months": "36", "monthly_charges": "52", "total_charges": "1.889"}
    commas = {"monthly_charges": "50,25", "total_charges": "502,5"}
    return {
        "times": [*good, *faulty],
        "index": [{"Unnamed: 0": str(number), **row} for number, row in enumerate(indexed)],
        "floats": [record(f"float-{number}", **flags) for number in range(3)],
        "ids": [record(key) for key in ids],
        "points": [record(f"point-{number}", **points) for number in range(9)],
        "commas": [record("comma", **commas)],
        "words": [record(f"word-{number}", city=word) for number, word in enumerate(["NULL", "\\N", "n/A", "none", "NaN"])],
    }  # fmt: skip


@pytest.fixture(scope="module")
def loaded(spark, tmp_path_factory):
    """A lake with these files, what silver said about them, and about a file without cities that came later."""
    folder = tmp_path_factory.mktemp("odd files")
    pipeline, raw = PipelineHarness(folder / "lake"), folder / "raw"
    for name, records in _files().items():
        _write(raw / "2026-01-04" / f"{name}.csv", records)
    pipeline.job("bronze", raw=str(raw))
    first = pipeline.job("silver")["silver.customers"]
    later = [record(f"time-{number}", tenure_months="11") for number in range(3)]
    _write(raw / "2026-01-06" / "no_city.csv", [{c: v for c, v in row.items() if c != "city"} for row in later])
    pipeline.job("bronze", raw=str(raw))
    second = pipeline.job("silver")["silver.customers"]
    return {row[KEY]: row for row in pipeline.records("silver.customers")}, first, second


def _named(customers, start):
    return [row for key, row in sorted(customers.items()) if key.startswith(f"{start}-")]


def test_times_that_cannot_be_quarantine_their_rows_alone(loaded):
    customers, first, second = loaded
    assert first.rows_quarantined == len(FAULTY_TIMES)
    assert len(_named(customers, "time")) == GOOD_ROWS
    assert second.is_published, "later files go on"


def test_absent_column_is_kept_and_said(loaded):
    customers, first, second = loaded
    changed = [customers[f"time-{number}"] for number in range(3)]
    assert [(row["tenure_months"], row["city"]) for row in changed] == [(11, "Fresno")] * 3
    (note,) = (note for note in second.notes if note.startswith("city"))
    assert "not in 2026-01-06/no_city.csv, since batch 2 of " in note
    assert note not in first.notes
    (drift,) = (
        check for check in second.checks if check.expectation == "files to have the optional columns of earlier files"
    )
    assert (drift.severity, drift.success, note in drift.observed) == ("warning", False, True)


def test_rows_that_differ_in_unknown_columns_alone_are_one(loaded):
    assert len(_named(loaded[0], "index")) == 3


def test_numbers_of_pandas_are_read(loaded):
    rows = _named(loaded[0], "float")
    found = [(r["senior_citizen"], r["partner"], r["churn"], r["tenure_months"], r["zip_code"]) for r in rows]
    assert found == [(False, True, True, 12, "93701")] * 3


def test_ids_that_look_the_same_are_one_customer(loaded):
    assert [row[KEY] for row in _named(loaded[0], "id")] == ["id-1", "id-José"]


def test_null_words_are_no_cities(loaded):
    assert [row["city"] for row in _named(loaded[0], "word")] == [None] * 5


def test_decimal_commas_are_read_and_thousands_points_warned_about(loaded):
    customers, first, _ = loaded
    assert [str(customers["comma"][name]) for name in ("monthly_charges", "total_charges")] == ["50.25", "502.50"]
    (warning,) = (check for check in first.checks if not check.success and "thousands with a point" in check.sentence())
    assert (warning.severity, first.outcome) == ("warning", "warned")
