r"""One column at a time: received text to a typed value, and the fault where that fails.

Rules are Spark SQL text over two kinds of columns: `t_<column>`, the trimmed text (null
where blank), and `<column>`, the typed value (null where the text is no such value).
Text keeps the number of calls from Python to the JVM low; a call costs more than a rule.
"""

from transforms.feeds import EVENT_TIME, KEY, Feed, fold
from transforms.schemas.silver import MAX_KEY, MAX_TEXT, TYPED

MAX_TENURE_MONTHS = 1200
MAX_MONTHLY_CHARGES = 10_000
MAX_TOTAL_CHARGES = 10_000_000

_YES = ("yes", "y", "true", "t", "1")
_NO = ("no", "n", "false", "f", "0")
_ADD_ON = {"Yes": _YES, "No": _NO, "No internet service": ("nointernet",)}

# Canonical value: folded spellings that mean it, beyond its own.
CATEGORIES: dict[str, dict[str, tuple[str, ...]]] = {
    "gender": {"Male": ("m", "man"), "Female": ("f", "woman")},
    "multiple_lines": {"Yes": _YES, "No": _NO, "No phone service": ("nophone",)},
    "internet_service": {"DSL": (), "Fiber optic": ("fiber", "fibre", "fibreoptic"), "No": (*_NO, "none")},
    "online_security": _ADD_ON,
    "online_backup": _ADD_ON,
    "device_protection": _ADD_ON,
    "tech_support": _ADD_ON,
    "streaming_tv": _ADD_ON,
    "streaming_movies": _ADD_ON,
    "contract": {
        "Month-to-month": ("monthly", "1month"),
        "One year": ("1year",),
        "Two year": ("twoyears", "2year", "2years"),
    },
    "payment_method": {
        "Electronic check": ("echeck",),
        "Mailed check": (),
        "Bank transfer (automatic)": ("banktransfer",),
        "Credit card (automatic)": ("creditcard",),
    },
}
# Inclusive bounds of numeric columns.
RANGES: dict[str, tuple[float, float]] = {
    "tenure_months": (0, MAX_TENURE_MONTHS),
    "monthly_charges": (0, MAX_MONTHLY_CHARGES),
    "total_charges": (0, MAX_TOTAL_CHARGES),
    "latitude": (-90, 90),
    "longitude": (-180, 180),
    "source_churn_score": (0, 100),
    "source_cltv": (0, MAX_TOTAL_CHARGES),
}
_NUMBERS = {"int": "a whole number", "double": "a number"}


def text_of(column: str) -> str:
    """SQL of the trimmed text of a received column, null where blank."""
    return rf"nullif(trim(BOTH ' \t\r\n' FROM `{column}`), '')"


def value_of(column: str, feed: Feed) -> str:
    """SQL of the typed value of a column, over the `t_` columns."""
    kind = _kind(column)
    if column == "churn" and "churn_value" in feed.columns:
        return f"coalesce({_boolean('churn')}, {_boolean('churn_value')})"
    if column == "total_charges":
        # A customer in the first month has no total yet.
        is_new = f"t_total_charges IS NULL AND {_number('tenure_months')} = 0"
        return f"CASE WHEN {is_new} THEN cast(0 AS {kind}) ELSE {_number(column)} END"
    if column in CATEGORIES:
        return _category(column)
    if kind == "boolean":
        return _boolean(column)
    if kind == "string":
        return rf"regexp_replace(t_{column}, '[\u0000-\u001f\u007f]', ' ')"
    return _number(column)


def faults_of(feed: Feed) -> str:
    """SQL of the array of messages, one for every row rule that a bronze row of `feed` breaks."""
    columns = [column for group in feed.groups for column in group.columns]
    checks = [_key_fault(), _event_fault(), *(_fault(column, feed) for column in columns)]
    if "churn_value" in feed.columns:
        checks.append(_contradiction())
    array = f"filter(array({', '.join(checks)}), message -> message IS NOT NULL)"
    return f"CASE WHEN _parse_error IS NOT NULL THEN array(concat('record: ', _parse_error)) ELSE {array} END"


def _kind(column: str) -> str:
    return TYPED[column][0].simpleString()


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _lookup(column: str, meanings: dict[str, str]) -> str:
    """Look the text up as it is, which nearly always succeeds, then folded."""
    table = f"map({', '.join(f'{_quote(spelling)}, {value}' for spelling, value in meanings.items())})"
    folded = f"regexp_replace(lower(t_{column}), '[^a-z0-9]', '')"
    return f"coalesce(element_at({table}, t_{column}), element_at({table}, {folded}))"


def _category(column: str) -> str:
    meanings: dict[str, str] = {}
    for value, others in CATEGORIES[column].items():
        meanings |= dict.fromkeys((value, fold(value), *others), _quote(value))
    return _lookup(column, meanings)


def _boolean(column: str) -> str:
    return _lookup(column, {**dict.fromkeys(("Yes", *_YES), "true"), **dict.fromkeys(("No", *_NO), "false")})


def _number(column: str) -> str:
    """The number, null where the text is none, is out of range, or a whole one has decimals."""
    low, high = RANGES[column]
    wide = f"try_cast(t_{column} AS decimal(24, 8))"
    whole = f" AND {wide} = floor({wide})" if _kind(column) == "int" else ""
    return f"CASE WHEN {wide} BETWEEN {low} AND {high}{whole} THEN cast({wide} AS {_kind(column)}) END"


def _fault(column: str, feed: Feed) -> str:
    optional = {name for group in feed.groups for name in group.optional}
    wrong = f"concat({_quote(column + ': ')}, '\\'', left(t_{column}, 60), {_quote(f'{chr(39)} is not {_expected(column)}')})"
    branches = [f"WHEN t_{column} IS NOT NULL AND `{column}` IS NULL THEN {wrong}"]
    if _kind(column) == "string" and column not in CATEGORIES:
        message = _quote(f"{column}: longer than {MAX_TEXT} characters")
        branches = [f"WHEN length(t_{column}) > {MAX_TEXT} THEN {message}"]
    if column not in optional:
        branches.append(f"WHEN `{column}` IS NULL THEN {_quote(f'{column}: missing')}")
    return f"CASE {' '.join(branches)} END"


def _expected(column: str) -> str:
    kind = _kind(column)
    if column in CATEGORIES:
        return "one of " + ", ".join(CATEGORIES[column])
    if kind == "boolean":
        return "yes or no"
    low, high = RANGES.get(column, (0, 0))
    return f"{_NUMBERS.get(kind, 'an amount')} from {low:,} to {high:,}"


def _key_fault() -> str:
    missing = _quote(f"{KEY}: missing")
    long = _quote(f"{KEY}: longer than {MAX_KEY} characters")
    return f"CASE WHEN `{KEY}` IS NULL THEN {missing} WHEN length(`{KEY}`) > {MAX_KEY} THEN {long} END"


def _event_fault() -> str:
    """An unreadable time, or one in the future, which would block every later update."""
    text, at = f"t_{EVENT_TIME}", f"try_to_timestamp(t_{EVENT_TIME})"
    shown = f"concat('{EVENT_TIME}: \\'', left({text}, 60), "
    return (
        f"CASE WHEN {text} IS NOT NULL AND {at} IS NULL THEN {shown}'\\' is not a time') "
        f"WHEN {at} > _ingested_at + INTERVAL 1 DAY THEN {shown}'\\' lies in the future') END"
    )


def _contradiction() -> str:
    return (
        f"CASE WHEN {_boolean('churn')} <> {_boolean('churn_value')} "
        "THEN 'churn: label and value contradict each other' END"
    )
