r"""One column at a time: clean text to a typed value, and the violation where that fails.

Rules are Spark SQL text over two kinds of columns: `t_<column>`, the clean text (null
where there is no value), and `<column>`, the typed value (null where the text is not a valid value).
Text keeps the number of calls from Python to the JVM low; a call costs more than a rule.
"""

from contract.columns import (
    COLUMN,
    EARLIEST_EVENT_DAY,
    EVENT_TIME,
    KEY,
    MAX_DAYS_AHEAD,
    MAX_KEY_LENGTH,
    MAX_TEXT_LENGTH,
    NO,
    NULL_WORDS,
    YES,
    Column,
)
from contract.feeds import Feed, normalize_header
from contract.sources import BEFORE, DELETE, FULL_LOAD, UPSERT, path_pattern
from transforms.received_text import plain_sql, quote, valued_sql, whole_sql

_NUMBER_WORDS = {"int": "a whole number", "bigint": "a whole number", "double": "a number"}
_CHURN_VALUE = "churn_value"
_SHOWN_CHARACTERS = 60
_IS_FULL_LOAD = f"_source_file RLIKE {quote(FULL_LOAD)}"
_IS_SNAPSHOT = f"_source_file RLIKE {quote(path_pattern('snapshot'))}"
_SEQUENCE = valued_sql("trim(_sequence)", NULL_WORDS)
# 1.0E+15 and 1,000 are numbers whose parts do not compare as the numbers do.
_IS_ORDERED = (
    rf"{_SEQUENCE} RLIKE '[0-9]' AND NOT {_SEQUENCE} RLIKE '^[0-9.]+[eE][-+]?[0-9]+$|^[0-9]{{1,3}}(,[0-9]{{3}})+$'"
)


def typed_sql(column: Column, feed: Feed) -> str:
    """Return SQL of the typed value of a column, over the `t_` columns; null where the text is not a valid value."""
    if column.name == "churn" and _CHURN_VALUE in feed.columns:
        return f"IF(t_churn IS NULL, {_boolean(_CHURN_VALUE)}, {_boolean('churn')})"
    if column.name == "total_charges":
        # A customer in the first month has no total yet.
        is_new = f"t_total_charges IS NULL AND {_number(COLUMN['tenure_months'])} = 0"
        return f"CASE WHEN {is_new} THEN cast(0 AS {column.type}) ELSE {_number(column)} END"
    if column.values:
        return _category(column)
    if column.is_number:
        return _number(column)
    if column.type == "boolean":
        return _boolean(column.name)
    return whole_sql(plain_sql(f"t_{column.name}"))


def is_in_time_sql(event_time: str) -> str:
    """Return SQL of whether a time can be that of an event: neither of long ago nor in the future."""
    return f"{event_time} >= {_EARLIEST} AND {event_time} <= {_LATEST}"


_EARLIEST = f"DATE'{EARLIEST_EVENT_DAY}'"
_LATEST = f"_judged_at + INTERVAL {MAX_DAYS_AHEAD} DAY"


def is_snapshot_sql() -> str:
    """Return SQL of whether a row is of a file with every customer of its feed."""
    return _IS_SNAPSHOT


def violations_sql(feed: Feed) -> str:
    """Return SQL of the array of violations: a message for every row rule that a bronze row of `feed` breaks.

    Of a deletion only the key, the time and the order count: some sources give no more of it.
    """
    order = [key_violation_sql(), _event_time_violation(), _sequence_violation()]
    values = [_violation(column) for column in feed.attributes]
    if _CHURN_VALUE in feed.columns:
        values.append(_churn_value_violation())
    of_values = f"IF(_operation <=> '{DELETE}', array(), array({', '.join(values)}))"
    found = f"filter(concat(array({', '.join(order)}), {of_values}), message -> message IS NOT NULL)"
    return (
        "CASE WHEN _parse_error IS NOT NULL THEN array(concat('record: ', _parse_error)) "
        f"WHEN {_is_unknown_operation()} THEN array({_operation_violation()}) ELSE {found} END"
    )


def _is_unknown_operation() -> str:
    known = ", ".join(map(quote, (UPSERT, DELETE, BEFORE)))
    return f"coalesce(_operation NOT IN ({known}), false)"


def _operation_violation() -> str:
    """The violation of a change that is none of a record, or of which it is not known what it is; values are shown as received."""
    shown = plain_sql(f"left(_operation, {_SHOWN_CHARACTERS})")
    before, after = quote("operation: '"), quote("' is not I, U or D")
    truncate = quote("operation: a TRUNCATE, which deletes nobody here. docs/operations.md says what to do")
    return f"IF(upper(trim(_operation)) IN ('T', 'TRUNCATE'), {truncate}, concat({before}, {shown}, {after}))"


def _sequence_violation() -> str:
    """The violation of a change without a place in the order of its source. A full load comes before all changes."""
    missing = quote("sequence: missing")
    unreadable = quote("sequence: not a number, or one such as 1.0E+15 or 1,000")
    return (
        f"CASE WHEN _sequence IS NULL OR {_SEQUENCE} IS NULL AND {_IS_FULL_LOAD} THEN NULL "
        f"WHEN {_SEQUENCE} IS NULL THEN {missing} WHEN NOT ({_IS_ORDERED}) THEN {unreadable} END"
    )


def sequence_sql() -> str:
    """Return SQL of a text that orders the changes of one source as its log does; null where the source gives no number.

    Numbers may have several parts, hexadecimal ones too (PostgreSQL's 16/B374D848, MySQL's binlog.000012:345).
    """
    parts = "transform(regexp_extract_all(upper(_sequence), '[0-9A-F]+', 0), part -> lpad(part, 64, '0'))"
    return f"CASE WHEN {_IS_ORDERED} THEN array_join({parts}, '/') END"


def _lookup(column: str, meanings: dict[str, str]) -> str:
    """Look the text up as it is, which nearly always succeeds, then without `.0`, then as words without punctuation."""
    table = f"map({', '.join(f'{quote(spelling)}, {value}' for spelling, value in meanings.items())})"
    text = f"t_{column}"
    word = f"IF({text} RLIKE '[A-Za-z]', regexp_replace(lower({text}), '[^a-z0-9]', ''), {whole_sql(text)})"
    return f"coalesce(element_at({table}, {text}), element_at({table}, {word}))"


def _category(column: Column) -> str:
    meanings: dict[str, str] = {}
    for value, spellings in column.values.items():
        meanings |= dict.fromkeys((value, normalize_header(value), *spellings), quote(value))
    return _lookup(column.name, meanings)


def _boolean(column: str) -> str:
    return _lookup(column, {**dict.fromkeys(("Yes", *YES), "true"), **dict.fromkeys(("No", *NO), "false")})


def _bounds(column: Column) -> tuple[float, float]:
    assert column.bounds is not None, column.name
    return column.bounds


def _number(column: Column) -> str:
    """The number, null where the text is not a number, is out of bounds, or has decimals in a whole-number column."""
    low, high = _bounds(column)
    wide = _wide(f"t_{column.name}")
    whole = f" AND {wide} = floor({wide})" if column.type in ("int", "bigint") else ""
    return f"CASE WHEN {wide} BETWEEN {low} AND {high}{whole} THEN cast({wide} AS {column.type}) END"


def _wide(text: str) -> str:
    """The number in a text. A comma that three digits follow may mean thousands: with any other number it means decimals."""
    pointed = rf"regexp_replace({text}, '^([-+]?[0-9]+),([0-9]{{1,2}}|[0-9]{{4,}})$', '$1.$2')"
    return f"coalesce(try_cast({text} AS decimal(24, 8)), try_cast({pointed} AS decimal(24, 8)))"


def _violation(column: Column) -> str:
    branches = [_too_long(column) if column.is_free_text else _not_expected(column)]
    if column.required:
        branches.append(f"WHEN `{column.name}` IS NULL THEN {quote(f'{column.name}: missing')}")
    return f"CASE {' '.join(branches)} END"


def _too_long(column: Column) -> str:
    message = quote(f"{column.name}: longer than {MAX_TEXT_LENGTH} characters")
    return f"WHEN length(t_{column.name}) > {MAX_TEXT_LENGTH} THEN {message}"


def _not_expected(column: Column) -> str:
    name = column.name
    return f"WHEN t_{name} IS NOT NULL AND `{name}` IS NULL THEN {_message(name, f'is not {_expected(column)}')}"


def _message(column: str, fault: str) -> str:
    """A message that shows the text of a column."""
    before, after = quote(f"{column}: '"), quote(f"' {fault}")
    return f"concat({before}, {plain_sql(f'left(t_{column}, {_SHOWN_CHARACTERS})')}, {after})"


def _expected(column: Column) -> str:
    if column.values:
        return "one of " + ", ".join(column.values)
    if column.type == "boolean":
        return "yes or no"
    low, high = _bounds(column)
    return f"{_NUMBER_WORDS.get(column.type, 'an amount')} from {low:,} to {high:,}"


def key_violation_sql() -> str:
    """Return SQL of the violation of a customer id, null for one that tells who it is."""
    missing = quote(f"{KEY}: missing")
    long = quote(f"{KEY}: longer than {MAX_KEY_LENGTH} characters")
    damaged = quote(f"{KEY}: damaged by a spreadsheet, such as 1.2E+12: export the column as text")
    return (
        f"CASE WHEN `{KEY}` IS NULL THEN {missing} WHEN length(`{KEY}`) > {MAX_KEY_LENGTH} THEN {long} "
        rf"WHEN `{KEY}` RLIKE '^[0-9]([.,][0-9]+)?[eE]\\+[0-9]{{2,}}$' THEN {damaged} END"
    )


def _event_time_violation() -> str:
    """The violation of an unreadable time, or of one that cannot be that of an event."""
    is_no_time = (
        "is not a time: a date 2026-01-31 or 20260131 is needed, then optionally a time 10:15:00 and a zone Z or +01:00"
    )
    return (
        f"CASE WHEN t_{EVENT_TIME} IS NOT NULL AND _received_at IS NULL THEN {_message(EVENT_TIME, is_no_time)} "
        f"WHEN _received_at < {_EARLIEST} THEN {_message(EVENT_TIME, f'is before {EARLIEST_EVENT_DAY}')} "
        f"WHEN _received_at > {_LATEST} THEN {_message(EVENT_TIME, 'is in the future')} END"
    )


def _churn_value_violation() -> str:
    value = _boolean(_CHURN_VALUE)
    return (
        f"CASE WHEN t_{_CHURN_VALUE} IS NOT NULL AND {value} IS NULL THEN {_message(_CHURN_VALUE, 'is not yes or no')} "
        f"WHEN {_boolean('churn')} <> {value} THEN 'churn: label and value contradict each other' END"
    )
