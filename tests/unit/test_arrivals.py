"""Feeds of raw files by their folders, whoever noticed them."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.feeds import FEEDS, WHOLE_RECORDS
from lake.arrivals import RawFileEvent, feed_for_key
from lake.raw_folder import folder_feed

PARTS = st.sampled_from([*FEEDS, "raw", "2026-01-01", "Billing", "billing.csv", "dt=2026-01-01"])


@pytest.mark.parametrize(
    ("key", "feed"),
    [
        ("raw/billing/2026/b.csv", "billing"),
        ("raw/2026/services/b.csv", "services"),
        ("services/billing/x.csv", "services"),
        ("s3://bucket/raw/demographics/x.csv", "demographics"),
        ("/home/me/raw/billing/x.csv", "billing"),
    ],
)
def test_folder_names_the_feed(key, feed):
    assert feed_for_key(key) == folder_feed(key) == feed


@pytest.mark.parametrize("key", ["raw/x/billing.csv", "billing", "", "raw/Billing/x.csv", "raw/my billing/x.csv"])
def test_other_folders_hold_whole_records(key):
    assert folder_feed(key) is None
    assert feed_for_key(key) == WHOLE_RECORDS


@given(st.lists(PARTS, min_size=1, max_size=5))
def test_first_feed_folder_decides(parts):
    folders = PurePosixPath("/".join(parts)).parts[:-1]
    assert folder_feed("/".join(parts)) == next((part for part in folders if part in FEEDS), None)


def test_same_event_is_told_once():
    first = RawFileEvent("raw/billing/b.csv", "billing", 3, "etag")
    same, other = RawFileEvent("raw/billing/b.csv", "billing", 3, "etag"), RawFileEvent("raw/b.csv", "billing", 3, "e")
    assert list(dict.fromkeys([first, same, other])) == [first, other]
