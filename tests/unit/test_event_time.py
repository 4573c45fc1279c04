"""When the content of a file is from: what paths say in any spelling, bounds, and the file's own time."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake.event_time import EARLIEST, TOLERANCE, event_time

ARRIVED = datetime(2026, 11, 27, 6, tzinfo=UTC)
OWN = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
OWN_NS = int(OWN.timestamp()) * 10**9

moments = st.datetimes(datetime(1970, 1, 1), datetime(2026, 11, 27), timezones=st.just(UTC))
# A pattern, and what it leaves out of a moment.
TO_THE_DAY = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
TO_THE_HOUR = {"minute": 0, "second": 0, "microsecond": 0}
TO_THE_MINUTE = {"second": 0, "microsecond": 0}
TO_THE_SECOND = {"microsecond": 0}
PATTERNS = {
    "year={:%Y/month=%m/day=%d}/part-0.csv": TO_THE_DAY,
    "customers/year={:%Y/month=%m/day=%d/hour=%H}/part-0.csv": TO_THE_HOUR,
    "dt={:%Y-%m-%d}/a.csv": TO_THE_DAY,
    "date={:%Y-%m-%d/hour=%H}/a.csv": TO_THE_HOUR,
    "{:%Y/%m/%d}/part-0.csv": TO_THE_DAY,
    "customers/{:%Y/%m/%d/%H}/part-0.csv": TO_THE_HOUR,
    "stream-1-{:%Y-%m-%d-%H-%M-%S}-3f2e9c1a": TO_THE_SECOND,
    "customers_{:%Y%m%d}.csv": TO_THE_DAY,
    "customers_{:%Y%m%d%H}.csv": TO_THE_HOUR,
    "customers_{:%Y%m%d%H%M}.csv": TO_THE_MINUTE,
    "customers_{:%Y%m%d%H%M%S}.csv": TO_THE_SECOND,
    "{:%Y%m%dT%H%M%S}Z.csv": TO_THE_SECOND,
    "customers_{:%Y_%m_%d}.csv": TO_THE_DAY,
    "customers_{:%Y_%m_%d_%H_%M_%S}.csv": TO_THE_SECOND,
    "customers-{:%Y-%m-%d}.csv": TO_THE_DAY,
    "{:%Y-%m-%dT%H}.csv": TO_THE_HOUR,
    "{:%Y-%m-%dT%H:%M:%S}.csv": TO_THE_SECOND,
    "{:%Y-%m-%d %H.%M.%S}.csv": TO_THE_SECOND,
    "{:%Y-%m-%dT%H:%M:%S.%f}Z.csv": {},
}


def _at(path, modified_ns=OWN_NS, arrived_at=ARRIVED):
    return event_time(path, modified_ns, arrived_at)


@pytest.mark.parametrize("pattern", PATTERNS)
@given(moment=moments)
def test_every_spelling_is_read_to_its_precision(pattern, moment):
    assert _at(pattern.format(moment)).at == moment.replace(**PATTERNS[pattern])
    assert _at(pattern.format(moment)).source == "path"


@given(moments)
def test_change_files_are_read_to_the_millisecond(moment):
    name = f"{moment:%Y%m%d-%H%M%S}{moment.microsecond // 1000:03d}.csv"
    assert _at(name).at == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(moments, st.integers(-14, 14))
def test_zone_is_taken_off(moment, hours):
    there = moment.astimezone(timezone(timedelta(hours=hours)))
    if there.year >= 1970:
        assert _at(f"{there.isoformat(timespec='seconds')}.csv").at == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("dt=2026-03-04/20260305_part.csv", datetime(2026, 3, 5)),
        ("2026/01/04/08/customers_2026-01-04.csv", datetime(2026, 1, 4, 8)),
        ("2026-01-04T10:15:00/2026-01-09.csv", datetime(2026, 1, 4, 10, 15)),
        ("2062-01-05/customers_2026-01-04.csv", datetime(2026, 1, 4)),
        ("year=2026/region=eu/month=1/day=4/a.csv", datetime(2026, 1, 4)),
    ],
)
def test_the_more_precise_then_the_last_possible_moment_counts(path, expected):
    assert _at(path).at == expected.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "name", ["2026-01-04_10.csv", "20260104_0007.csv", "2026-01-04-1015.csv", "20260104_996161.csv"]
)
def test_number_behind_a_day_is_no_time(name):
    assert _at(name).at == datetime(2026, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "path",
    [
        "customers.csv", "export_job_10310107.csv", "batch-123456789.csv", "2026-13-44/a.csv", "2026/13/04/a.csv",
        "2026_01-04.csv", "00000101.csv", "2026-02-30.csv", "customers/2026/01/04", "year=2026/month=01/a.csv",
        "٢٠٢٦-٠١-٠٤.csv", "99991231T235959-14:00.csv0", "1969-12-31.csv",
    ],
)  # fmt: skip
def test_what_is_no_date_leaves_it_to_the_file(path):
    assert (_at(path).at, _at(path).source) == (OWN, "file")


@pytest.mark.parametrize("path", ["export_job_20991231.csv", "20991231/a.csv", "a_20991231101500.csv"])
def test_number_like_a_day_in_the_future_does_not_count_and_is_noted(path):
    found = _at(path)
    assert (found.at, found.source, found.fault) == (OWN, "file", "")
    assert found.note == "the date 2099-12-31 in its path is in the future and does not count"


@pytest.mark.parametrize(
    "path",
    ["customers_2062-01-05.csv", "2062/01/05/a.csv", "year=2062/month=1/day=5/a.csv", "20621231/2062_01_05.csv"],
)
def test_day_in_the_future_is_a_fault(path):
    """Neither the time of arrival nor the file's own is what the path says."""
    assert _at(path).fault.startswith("the date 2062-01-05 in its path is in the future. Correct it")


def test_day_in_the_future_beside_a_possible_one_does_not_count():
    found = _at("2026-03-04/valid_until_2062-01-05.csv")
    assert (found.at, found.source, found.fault) == (datetime(2026, 3, 4, tzinfo=UTC), "path", "")


def test_file_time_in_the_future_is_that_of_arrival():
    found = _at("a.csv", int(datetime(2031, 1, 1, tzinfo=UTC).timestamp()) * 10**9)
    assert (found.at, found.source) == (ARRIVED, "arrival")
    assert found.note == "its file time is 2031-01-01: its arrival counts instead"


def test_clock_of_a_sender_may_be_ahead():
    tomorrow = ARRIVED + TOLERANCE
    assert _at(f"{tomorrow:%Y-%m-%dT%H:%M:%S}.csv").at == tomorrow
    assert _at("a.csv", int(tomorrow.timestamp()) * 10**9).at == tomorrow


@given(
    st.text(st.sampled_from("0123456789-_/T:=.yearmonthdayhour"), max_size=60) | st.text(max_size=40),
    st.integers(-(10**30), 10**30),
    st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)),
)
def test_any_path_and_time_give_a_moment_within_bounds(path, modified_ns, arrived_at):
    found = event_time(path, modified_ns, arrived_at)
    assert EARLIEST <= found.at <= arrived_at + TOLERANCE
    assert found.source != "arrival" or found.at == arrived_at


@given(st.integers(0, int(ARRIVED.timestamp() * 10**9)))
def test_file_time_is_kept_to_the_microsecond(modified_ns):
    found = _at("a.csv", modified_ns)
    assert (found.at - EARLIEST) // timedelta(microseconds=1) == modified_ns // 1000


def test_day_counts_from_midnight():
    assert _at("2026-01-04.csv").at.date() == date(2026, 1, 4)
    assert _at("2026-01-04.csv").at < _at("2026-01-04T00:00:01.csv").at < _at("2026-01-05.csv").at
