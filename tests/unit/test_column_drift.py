"""Which optional columns delivered files lack, by the manifests of batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.feeds import FEEDS
from lake.column_drift import drift_check, lost_columns
from lake.manifests import Batch
from lake.register import FileEntry


def file(path, *optional, feed="demographics"):
    return FileEntry(path, feed, lacks=tuple(column for column in FEEDS[feed].optional if column not in optional))


def batch(number, *files):
    return Batch(number, "committed", f"2026-01-{number:02d}T06:00:00+00:00", files)


def test_a_column_that_a_file_lacks_is_named():
    (lost,) = lost_columns([batch(4, file("a.csv", "city", "state")), batch(5, file("b.csv", "state"))], after=4)
    assert (lost.columns, lost.files, lost.since, lost.last_file) == (("city",), ("b.csv",), 5, "a.csv")
    assert lost.sentence() == (
        "city: not in b.csv, since batch 5 of 2026-01-05; last in a.csv. What is known of the customers is kept"
    )
    check = drift_check([lost])
    assert (check.success, check.severity, check.stops, check.subject) == (False, "warning", False, "city")
    assert lost.sentence() in check.sentence()


CASES = {
    "nothing before": ([batch(1, file("a.csv"))], 0, []),
    "never there": ([batch(1, file("a.csv")), batch(2, file("b.csv"))], 1, []),
    "new": ([batch(1, file("a.csv")), batch(2, file("b.csv", "city"))], 1, []),
    "lost before": ([batch(1, file("a.csv", "city")), batch(2, file("b.csv")), batch(3, file("c.csv"))], 2, [("city", 2, "a.csv")]),
    "back again": ([batch(1, file("a.csv", "city")), batch(2, file("b.csv")), batch(3, file("c.csv", "city"))], 2, []),
    "lost again": ([batch(1, file("a.csv", "city")), batch(2, file("b.csv")), batch(3, file("c.csv", "city")), batch(4, file("d.csv"))], 3, [("city", 4, "c.csv")]),
    "in one batch": ([batch(1, file("a.csv", "city"), file("b.csv"))], 0, []),
    "another file of the batch has it": ([batch(1, file("a.csv", "city")), batch(2, file("b.csv", "city"), file("c.csv"))], 1, [("city", 2, "a.csv")]),
    "another feed": ([batch(1, file("a.csv", "city")), batch(2, file("b.csv", feed="customers"))], 1, []),
    "event time": ([batch(1, file("a.csv", "updated_at")), batch(2, file("b.csv"))], 1, [("updated_at", 2, "a.csv")]),
    "not known": ([batch(1, file("a.csv", "city")), batch(2, FileEntry("b.csv", "demographics"))], 1, []),
    "old batches": ([batch(1, file("a.csv", "city")), batch(2, file("b.csv"))], 2, []),
}  # fmt: skip


@pytest.mark.parametrize(("batches", "after", "expected"), CASES.values(), ids=list(CASES))
def test_files_are_compared_with_earlier_batches(batches, after, expected):
    found = [(", ".join(lost.columns), lost.since, lost.last_file) for lost in lost_columns(batches, after)]
    assert found == expected


def test_columns_of_the_same_files_are_one_finding():
    before = batch(1, file("a.csv", "city", "state", "country"))
    after = [batch(2, file("b.csv", "state"), file("c.csv", "state")), batch(3, file("d.csv"))]
    found = {lost.columns: lost.files for lost in lost_columns([before, *after], after=1)}
    assert found == {("country", "city"): ("b.csv", "c.csv", "d.csv"), ("state",): ("d.csv",)}
    assert "not in b.csv and 2 more files, since batch 2" in lost_columns([before, *after], after=1)[0].sentence()


def test_nothing_lost_passes():
    check = drift_check([])
    assert (check.success, check.subject, check.observed) == (True, "the batch", "all there")


@given(st.lists(st.lists(st.sets(st.sampled_from(["city", "state"])), max_size=3), max_size=6), st.integers(0, 6))
def test_findings_agree_with_oracle(layouts, after):
    batches = [
        batch(number, *(file(f"{number}-{place}.csv", *sorted(columns)) for place, columns in enumerate(files)))
        for number, files in enumerate(layouts, start=1)
    ]
    expected = {
        (column, f"{number}-{place}.csv")
        for number, files in enumerate(layouts, start=1)
        for place, columns in enumerate(files)
        for column in ("city", "state")
        if number > after
        and column not in columns
        and any(column in c for files in layouts[: number - 1] for c in files)
    }
    found = lost_columns(batches, after)
    assert {(column, path) for lost in found for column in lost.columns for path in lost.files} == expected
