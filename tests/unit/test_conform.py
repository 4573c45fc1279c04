"""The rules of silver as declarations; what they do to rows is tested with Spark."""

import re

import pytest

from transforms import conform
from transforms.feeds import FEEDS, KEY, fold
from transforms.schemas.silver import TYPED


@pytest.mark.parametrize("column", conform.CATEGORIES)
def test_no_spelling_means_two_values(column):
    seen: dict[str, str] = {}
    for value, spellings in conform.CATEGORIES[column].items():
        for spelling in {fold(value), *spellings}:
            assert seen.setdefault(spelling, value) == value, spelling


@pytest.mark.parametrize("column", conform.CATEGORIES)
def test_spellings_are_folded(column):
    """A folded text is looked up, so a spelling that is not folded could never be found."""
    spellings = [spelling for others in conform.CATEGORIES[column].values() for spelling in others]
    assert all(spelling == fold(spelling) for spelling in spellings)


def test_every_numeric_column_has_bounds():
    numeric = {name for name, (kind, _) in TYPED.items() if kind.simpleString() in ("int", "double") or "decimal" in kind.simpleString()}  # fmt: skip
    assert numeric == set(conform.RANGES)
    assert all(low < high for low, high in conform.RANGES.values())


@pytest.mark.parametrize("feed", FEEDS.values(), ids=list(FEEDS))
def test_every_column_of_a_feed_has_a_rule(feed):
    faults = conform.faults_of(feed)
    for group in feed.groups:
        for column in group.columns:
            assert f"'{column}: " in faults
            assert conform.value_of(column, feed)
            required = f"'{column}: missing'" in faults
            assert required == (column not in group.optional)
    assert f"'{KEY}: missing'" in faults


@pytest.mark.parametrize("feed", FEEDS.values(), ids=list(FEEDS))
def test_rules_read_only_the_columns_that_the_feed_has(feed):
    known = {f"t_{column}" for column in feed.columns}
    assert set(re.findall(r"\bt_[a-z_]+", conform.faults_of(feed))) <= known


def test_a_contradiction_needs_both_columns():
    assert "contradict" in conform.faults_of(FEEDS["billing"])
    assert "contradict" not in conform.faults_of(FEEDS["services"])
