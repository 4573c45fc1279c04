"""The contract's columns, and the row rules that derive from them; what the rules do to rows is tested with Spark."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.columns import COLUMN, COLUMNS, KEY, NULL_WORDS, OTHER_ALIASES, Column
from contract.errors import ContractError
from contract.feeds import FEEDS, GROUP, GROUPS, PARTS, column_for_header, normalize_header
from contract.schemas.gold import ANALYSIS
from contract.schemas.silver import CUSTOMERS
from transforms.row_rules import typed_sql, violations_sql

CATEGORIES = [column for column in COLUMNS if column.values]
ALL = pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
CATEGORICAL = pytest.mark.parametrize("column", CATEGORIES, ids=lambda column: column.name)
EACH_FEED = pytest.mark.parametrize("feed", FEEDS.values(), ids=list(FEEDS))


@CATEGORICAL
def test_no_spelling_means_two_values(column):
    seen: dict[str, str] = {}
    for value, spellings in column.values.items():
        for spelling in {normalize_header(value), *spellings}:
            assert seen.setdefault(spelling, value) == value, spelling


@CATEGORICAL
def test_spellings_are_normalized(column):
    """A normalized text is looked up, so a spelling that is not could never be found."""
    spellings = [spelling for others in column.values.values() for spelling in others]
    assert all(spelling == normalize_header(spelling) for spelling in spellings)


@ALL
def test_every_number_has_bounds(column):
    assert column.is_number == (column.bounds is not None)
    assert column.bounds is None or column.bounds[0] < column.bounds[1]


@ALL
def test_every_column_is_in_one_group_and_in_silver(column):
    assert [group.name for group in GROUPS if column in group.declared] == [
        column.part if column.required else column.name
    ]
    assert CUSTOMERS[column.name].type == column.type
    assert CUSTOMERS[column.name].comment == column.description
    assert (column.name in ANALYSIS.names) == column.in_gold


def test_names_and_aliases_are_unique():
    spellings = [(column.name, *column.aliases) for column in COLUMNS] + [(n, *a) for n, a in OTHER_ALIASES.items()]
    normalized = [normalize_header(spelling) for names in spellings for spelling in names]
    assert len(normalized) == len(set(normalized))


@ALL
def test_aliases_mean_their_column(column):
    assert {column_for_header(spelling) for spelling in (column.name, *column.aliases)} == {column.name}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"type": "int"}, "column usage: a number needs bounds"),
        ({"type": "decimal(9,2)"}, "column usage: a number needs bounds"),
        ({"type": "boolean", "values": {"Yes": ()}}, "column usage: only a string can have values"),
    ],
)
def test_an_incomplete_declaration_is_refused(given, words):
    with pytest.raises(ContractError, match=words):
        Column(**{"name": "usage", "part": "services", "comment": "Use"} | given)


def test_the_unit_is_part_of_the_description():
    column = Column("usage", "int", "services", "Data used", bounds=(0, 9), unit="GB")
    assert column.description == "Data used, GB"
    assert not column.is_free_text
    assert COLUMN["city"].is_free_text
    assert not COLUMN["gender"].is_free_text


def test_required_columns_are_one_group_and_optional_ones_their_own():
    assert PARTS == ("demographics", "location", "services", "billing", "assessment")
    assert GROUP["services"].required
    assert set(GROUP["services"].columns) == {c.name for c in COLUMNS if c.part == "services" and c.required}
    assert "location" not in GROUP, "a part without required columns is no group"
    assert (GROUP["city"].columns, GROUP["city"].required, GROUP["city"].event_column) == (("city",), False, "_city_at")
    assert sorted(column for group in GROUPS for column in group.columns) == sorted(COLUMN)
    assert len(GROUP) == len(GROUPS) == len({group.event_column for group in GROUPS})


@ALL
def test_a_word_that_a_column_knows_is_no_null(column):
    known = {normalize_header(spelling) for value, others in column.values.items() for spelling in (value, *others)}
    assert set(column.null_words) == {word for word in NULL_WORDS if word not in known}
    assert "null" in column.null_words
    assert ("none" in column.null_words) == (column.name != "internet_service")


@EACH_FEED
def test_every_column_of_a_feed_has_a_rule(feed):
    violations = violations_sql(feed)
    for column in feed.attributes:
        assert f"'{column.name}: " in violations
        assert f"t_{column.name}" in typed_sql(column, feed)
        assert (f"'{column.name}: missing'" in violations) == column.required
    assert f"'{KEY}: missing'" in violations


@EACH_FEED
def test_rules_read_only_the_columns_that_the_feed_has(feed):
    known = {f"t_{column}" for column in feed.columns}
    assert set(re.findall(r"\bt_[a-z_]+", violations_sql(feed))) <= known


def test_a_contradiction_needs_both_columns():
    assert "contradict" in violations_sql(FEEDS["billing"])
    assert "contradict" not in violations_sql(FEEDS["services"])


@given(st.sampled_from(COLUMNS), st.sampled_from(["{}", " {} ", "{}:"]), st.booleans())
def test_headers_are_found_however_they_are_spaced(column, form, upper):
    header = form.format(column.name.replace("_", " "))
    assert column_for_header(header.upper() if upper else header) == column.name


@ALL
def test_typed_sql_knows_every_value(column):
    sql = typed_sql(column, FEEDS["services"] if column.part == "services" else FEEDS["customers"])
    for value, spellings in column.values.items():
        assert all(f"'{spelling}', '{value}'" in sql for spelling in (value, normalize_header(value), *spellings))
    if column.bounds:
        assert f"BETWEEN {column.bounds[0]} AND {column.bounds[1]}" in sql
        assert f"AS {column.type})" in sql
    assert ("floor(" in sql) == (column.type == "int" or column.name == "total_charges")
    if column.type == "boolean":
        assert all(f"'{spelling}', {answer}" in sql for spelling, answer in (("Yes", "true"), ("No", "false")))


@EACH_FEED
def test_violation_names_what_is_expected(feed):
    violations = violations_sql(feed)
    for column in feed.attributes:
        if column.values:
            assert "one of " + ", ".join(column.values) in violations
        elif column.is_free_text:
            assert f"'{column.name}: longer than 200 characters'" in violations
        elif column.bounds:
            assert f"from {column.bounds[0]:,} to {column.bounds[1]:,}" in violations
