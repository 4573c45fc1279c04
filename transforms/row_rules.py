r"""One column at a time: received text to a typed value, and the violation where that fails.

Rules are Spark SQL text over two kinds of columns: `t_<column>`, the trimmed text (null
where blank), and `<column>`, the typed value (null where the text is not a valid value).
Text keeps the number of calls from Python to the JVM low; a call costs more than a rule.
"""

from contract.columns import COLUMN, EVENT_TIME, KEY, MAX_KEY_LENGTH, MAX_TEXT_LENGTH, NO, YES, Column
from contract.feeds import Feed, normalize_header

_NUMBER_WORDS = {"int": "a whole number", "bigint": "a whole number", "double": "a number"}


def trimmed_sql(column: str) -> str:
    """Return SQL of the trimmed text of a received column, null where blank."""
    return rf"nullif(trim(BOTH ' \t\r\n' FROM `{column}`), '')"


def typed_sql(column: Column, feed: Feed) -> str:
    """Return SQL of the typed value of a column, over the `t_` columns; null where the text is not a valid value."""
    if column.name == "churn" and "churn_value" in feed.columns:
        return f"coalesce({_boolean('churn')}, {_boolean('churn_value')})"
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
    return rf"regexp_replace(t_{column.name}, '[\u0000-\u001f\u007f]', ' ')"


def violations_sql(feed: Feed) -> str:
    """Return SQL of the array of violations: a message for every row rule that a bronze row of `feed` breaks."""
    checks = [_key_violation(), _event_time_violation(), *(_violation(column) for column in feed.attributes)]
    if "churn_value" in feed.columns:
        checks.append(_contradiction())
    array = f"filter(array({', '.join(checks)}), message -> message IS NOT NULL)"
    return f"CASE WHEN _parse_error IS NOT NULL THEN array(concat('record: ', _parse_error)) ELSE {array} END"


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _lookup(column: str, meanings: dict[str, str]) -> str:
    """Look the text up as it is, which nearly always succeeds, then normalized."""
    table = f"map({', '.join(f'{_quote(spelling)}, {value}' for spelling, value in meanings.items())})"
    normalized = f"regexp_replace(lower(t_{column}), '[^a-z0-9]', '')"
    return f"coalesce(element_at({table}, t_{column}), element_at({table}, {normalized}))"


def _category(column: Column) -> str:
    meanings: dict[str, str] = {}
    for value, spellings in column.values.items():
        meanings |= dict.fromkeys((value, normalize_header(value), *spellings), _quote(value))
    return _lookup(column.name, meanings)


def _boolean(column: str) -> str:
    return _lookup(column, {**dict.fromkeys(("Yes", *YES), "true"), **dict.fromkeys(("No", *NO), "false")})


def _bounds(column: Column) -> tuple[float, float]:
    assert column.bounds is not None, column.name
    return column.bounds


def _number(column: Column) -> str:
    """The number, null where the text is not a number, is out of bounds, or has decimals in a whole-number column."""
    low, high = _bounds(column)
    wide = f"try_cast(t_{column.name} AS decimal(24, 8))"
    whole = f" AND {wide} = floor({wide})" if column.type in ("int", "bigint") else ""
    return f"CASE WHEN {wide} BETWEEN {low} AND {high}{whole} THEN cast({wide} AS {column.type}) END"


def _violation(column: Column) -> str:
    branches = [_too_long(column) if column.is_free_text else _not_expected(column)]
    if column.required:
        branches.append(f"WHEN `{column.name}` IS NULL THEN {_quote(f'{column.name}: missing')}")
    return f"CASE {' '.join(branches)} END"


def _too_long(column: Column) -> str:
    message = _quote(f"{column.name}: longer than {MAX_TEXT_LENGTH} characters")
    return f"WHEN length(t_{column.name}) > {MAX_TEXT_LENGTH} THEN {message}"


def _not_expected(column: Column) -> str:
    name = column.name
    parts = (_quote(f"{name}: '"), f"left(t_{name}, 60)", _quote(f"' is not {_expected(column)}"))
    return f"WHEN t_{name} IS NOT NULL AND `{name}` IS NULL THEN concat({', '.join(parts)})"


def _expected(column: Column) -> str:
    if column.values:
        return "one of " + ", ".join(column.values)
    if column.type == "boolean":
        return "yes or no"
    low, high = _bounds(column)
    return f"{_NUMBER_WORDS.get(column.type, 'an amount')} from {low:,} to {high:,}"


def _key_violation() -> str:
    missing = _quote(f"{KEY}: missing")
    long = _quote(f"{KEY}: longer than {MAX_KEY_LENGTH} characters")
    return f"CASE WHEN `{KEY}` IS NULL THEN {missing} WHEN length(`{KEY}`) > {MAX_KEY_LENGTH} THEN {long} END"


def _event_time_violation() -> str:
    """The violation of an unreadable time, or of one in the future, which would block every later update."""
    text, at = f"t_{EVENT_TIME}", f"try_to_timestamp(t_{EVENT_TIME})"
    shown = f"concat('{EVENT_TIME}: \\'', left({text}, 60), "
    return (
        f"CASE WHEN {text} IS NOT NULL AND {at} IS NULL THEN {shown}'\\' is not a time') "
        f"WHEN {at} > _ingested_at + INTERVAL 1 DAY THEN {shown}'\\' is in the future') END"
    )


def _contradiction() -> str:
    return (
        f"CASE WHEN {_boolean('churn')} <> {_boolean('churn_value')} "
        "THEN 'churn: label and value contradict each other' END"
    )
