"""Which columns every column of a table is computed from, declared once.

OpenLineage's column lineage, the quality report and the data dictionary derive from it. What the contract says elsewhere
(which feed has a column, what a KPI sums) is not said again here: only what a transform adds is.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from contract.columns import COLUMNS, EVENT_TIME, KEY
from contract.feeds import FEEDS, GROUPS, Feed, Group
from contract.metrics import AT_RISK, DIMENSIONS, MEASURES, METRICS, METRICS_BY_DIMENSION, Condition, Measure
from contract.schemas import gold
from contract.tables import RAW, TABLES

Use = Literal["identity", "transformation", "aggregation", "condition"]
"""How a column is used; a condition decides about a value, and is not part of it."""

Given = Literal["batch number", "file", "clock", "run id", "version", "constant"]
"""Where a value is from that is from no column."""

# In this order: of two uses one after another the later one in it says what they are together.
_USES: tuple[Use, ...] = ("identity", "transformation", "aggregation", "condition")


@dataclass(frozen=True)
class Source:
    """A column of a table, or of the raw files of a feed (`raw.<feed>`)."""

    table: str
    column: str


@dataclass(frozen=True)
class Derivation:
    """What one column is computed from: the columns and how each is used, or where else its value is `given` from."""

    uses: Mapping[Source, Use] = field(default_factory=dict)
    given: Given | None = None


def raw_files(feed: str) -> str:
    """Return the name by which the raw files of a feed are a source."""
    return f"{RAW}.{feed}"


def sources_of(table: str, column: str) -> dict[Source, Use]:
    """Return the columns of other tables that a column is computed from, through those of its own table."""
    found: dict[Source, Use] = {}
    for source, use in DERIVATIONS[table][column].uses.items():
        nearest = sources_of(table, source.column) if source.table == table else {source: _USES[0]}
        for each, inner in nearest.items():
            whole = max(use, inner, key=_USES.index)
            found[each] = min(whole, found.get(each, whole), key=_USES.index)
    return found


def trail(table: str, column: str) -> Iterator[Source]:
    """Yield every column that a column goes back to, those of raw files last, each once."""
    pending = list(sources_of(table, column))
    seen = set(pending)
    while pending:
        yield from pending
        further = [each for source in pending for each in _upstream(source)]
        pending = [each for each in dict.fromkeys(further) if each not in seen]
        seen.update(pending)


def givens(table: str, column: str) -> set[Given]:
    """Return from where else than columns a column's value comes, at any distance."""
    found = {DERIVATIONS[table][column].given}
    for source in DERIVATIONS[table][column].uses:
        if source.table in TABLES:
            found |= givens(source.table, source.column)
    return {given for given in found if given}


def row_conditions(table: str) -> tuple[Source, ...]:
    """Return the columns of other tables that decide which rows a table gets, or which of several versions of a row."""
    return _ROW_CONDITIONS.get(table, ())


def _upstream(source: Source) -> Iterable[Source]:
    return sources_of(source.table, source.column) if source.table in TABLES else ()


def _from(table: str, *columns: str, use: Use = "transformation", conditions: Iterable[str] = ()) -> Derivation:
    by_name = dict.fromkeys(conditions, _USES[-1]) | dict.fromkeys(columns, use)
    return Derivation({Source(table, column): how for column, how in by_name.items()})


def _given(kind: Given) -> Derivation:
    return Derivation(given=kind)


def _joined(*parts: Derivation) -> Derivation:
    return Derivation({source: use for part in parts for source, use in part.uses.items()})


# Bronze: as received, and where it came from.


def _bronze(feed: Feed) -> dict[str, Derivation]:
    record = _from(raw_files(feed.name), *feed.columns)
    where_from: dict[str, Given] = {
        "_batch_id": "batch number", "_source_file": "file", "_source_checksum": "file", "_ingested_at": "clock",
        "_file_event_at": "file", "_position": "file",
    }  # fmt: skip
    received = {column: _from(raw_files(feed.name), column, use="identity") for column in feed.columns}
    rest = dict.fromkeys(("_parse_error", "_rescued_data", "_operation", "_sequence"), record)
    return {name: _given(kind) for name, kind in where_from.items()} | rest | received


# Silver: each value from every feed that has it.

_MOMENTS = (EVENT_TIME, "_file_event_at", "_ingested_at")
"""What a record's event time is made of: the first of them that can be one."""


def _from_feeds(
    *columns: str,
    use: Use = "transformation",
    conditions: tuple[str, ...] = (),
    feeds: Iterable[Feed] = tuple(FEEDS.values()),
) -> Derivation:
    """The columns of every bronze table that has them."""
    tables = [TABLES[f"bronze.{feed.name}"] for feed in feeds]
    return _joined(
        *(
            _from(
                table.name,
                *(column for column in columns if column in table.schema.names),
                use=use,
                conditions=[column for column in conditions if column in table.schema.names],
            )
            for table in tables
        )
    )


def _event_time(group: Group) -> Derivation:
    return _from_feeds(*_MOMENTS, feeds=[feed for feed in FEEDS.values() if group in feed.groups])


_REQUIRED = tuple(column for group in GROUPS if group.required for column in group.columns)
_RECEIVED = tuple(dict.fromkeys(column for feed in FEEDS.values() for column in feed.columns))

_CUSTOMERS = {
    KEY: _from_feeds(KEY),
    **{column.name: _from_feeds(column.name) for column in COLUMNS},
    # A file may write churn as a number; a new customer has no total yet.
    "churn": _from_feeds("churn", "churn_value"),
    "total_charges": _from_feeds("total_charges", conditions=("tenure_months",)),
    "is_complete": _from_feeds(conditions=_REQUIRED),
    **{group.event_column: _event_time(group) for group in GROUPS},
    "_batch_id": _from_feeds("_batch_id", use="aggregation", conditions=_MOMENTS),
    "_sequences": _from_feeds("_sequence", conditions=_MOMENTS),
}

_CHANGING = tuple(column.name for column in COLUMNS)

_HISTORY = {
    **{name: _CUSTOMERS[name] for name in (KEY, *_CHANGING, "is_complete")},
    **dict.fromkeys(("valid_from", "valid_to"), _from_feeds(*_MOMENTS, conditions=_CHANGING)),
    **dict.fromkeys(("recorded_from", "recorded_to"), _from_feeds("_ingested_at", conditions=(*_MOMENTS, *_CHANGING))),
    "is_current": _from_feeds(conditions=(*_MOMENTS, *_CHANGING)),
    **dict.fromkeys(("change", "changed_columns"), _from_feeds(*_CHANGING, conditions=("_operation", *_MOMENTS))),
    **{group.event_column: _joined(_event_time(group), _from_feeds(conditions=group.columns)) for group in GROUPS},
    "_batch_id": _from_feeds("_batch_id", conditions=(*_MOMENTS, *_CHANGING)),
}

_TOMBSTONES = {
    KEY: _from_feeds(KEY, conditions=("_operation",)),
    "feed": _given("constant"),
    "deleted_at": _from_feeds(*_MOMENTS, conditions=("_operation",)),
    "sequence": _from_feeds("_sequence"),
    "is_last": _from_feeds("_operation", "_position", conditions=_MOMENTS),
    "_batch_id": _from_feeds("_batch_id", use="aggregation", conditions=_MOMENTS),
    "reason": _from_feeds(conditions=("_operation", "_source_file")),
}

_RESOLVING = _from("silver.customers", conditions=[group.event_column for group in GROUPS if group.required])

_QUARANTINE = {
    "record_id": _from_feeds("_batch_id", "_source_file", *_RECEIVED, "_rescued_data"),
    "feed": _given("constant"),
    KEY: _from_feeds(KEY),
    "reasons": _from_feeds(*_RECEIVED, "_parse_error"),
    "source_file": _from_feeds("_source_file", use="identity"),
    "raw_record": _from_feeds(*_RECEIVED, "_rescued_data", conditions=("_parse_error",)),
    "occurrences": _from_feeds(*_RECEIVED, "_rescued_data", use="aggregation"),
    "event_at": _from_feeds(*_MOMENTS),
    "batch_id": _from_feeds("_batch_id", use="identity"),
    "ingested_at": _from_feeds("_ingested_at", use="identity"),
    "status": _joined(_from_feeds(conditions=(*_MOMENTS, "_batch_id")), _RESOLVING),
    "resolved_by_batch": _joined(
        _from_feeds("_batch_id", conditions=_MOMENTS), _RESOLVING, _from("silver.customers", "_batch_id")
    ),
}

# Gold: carried from silver but for what is computed.

_ANALYSIS_NAME, _BREAKDOWN_NAME = "gold.customer_churn_analysis", "gold.churn_breakdown"


def _own(*columns: str) -> Derivation:
    """Columns of the analysis itself."""
    return _from(_ANALYSIS_NAME, *columns)


def _of_customer(*columns: str, use: Use = "transformation", conditions: Iterable[str] = ()) -> Derivation:
    return _from("silver.customers", *columns, use=use, conditions=conditions)


_ANALYSIS = {
    KEY: _of_customer(KEY, use="identity"),
    **{column.name: _of_customer(column.name, use="identity") for column in COLUMNS if column.in_gold},
    "churn_reason": _of_customer("churn_reason", conditions=("churn",)),
    "churn_flag": _of_customer("churn"),
    "cltv": _of_customer("monthly_charges", "tenure_months"),
    "customer_tenure_group": _of_customer("tenure_months"),
    "churn_score": _of_customer("tenure_months", conditions=("churn",)),
    "risk_segment": _own("cltv", "churn_score"),
}


def _columns_in(*conditions: Condition | None) -> list[str]:
    return [comparison.column for condition in conditions if condition for comparison in condition.comparisons]


def _measure(measure: Measure) -> Derivation:
    summed = measure.column or KEY
    return _from(_ANALYSIS_NAME, summed, use="aggregation", conditions=_columns_in(measure.condition, measure.known))


_BREAKDOWN = {
    "dimension": _given("constant"),
    "value": _from(_ANALYSIS_NAME, *DIMENSIONS, conditions=("churn_flag",)),
    **{name: _measure(measure) for name, measure in MEASURES.items()},
    "churn_rate": _from(_BREAKDOWN_NAME, "churned", "customers"),
    "source_version": _given("version"),
}

_MEASURED = tuple(
    dict.fromkeys(
        name
        for metric in (METRICS | METRICS_BY_DIMENSION).values()
        for name in (metric.numerator, metric.denominator)
        if name
    )
)

_KPIS = {
    "run_id": _given("run id"),
    "computed_at": _given("clock"),
    "source_version": _given("version"),
    # The name, and of those by dimension the value.
    "kpi": replace(_from(_BREAKDOWN_NAME, "value", conditions=("dimension",)), given="constant"),
    "value": _from(_BREAKDOWN_NAME, *_MEASURED, use="aggregation", conditions=("dimension",)),
    "unit": _given("constant"),
}

_RISK = _from(_ANALYSIS_NAME, *_columns_in(AT_RISK))

_MOVEMENTS = {
    **{name: _from(_ANALYSIS_NAME, name, use="identity") for name in gold.MOVEMENTS.names if name in gold.ANALYSIS.names},
    "moved_on": _given("clock"),
    **dict.fromkeys(("from_segment", "to_segment"), _from(_ANALYSIS_NAME, "risk_segment", use="identity")),
    **dict.fromkeys(("was_churned", "is_churned"), _from(_ANALYSIS_NAME, "churn_flag", use="identity")),
    **dict.fromkeys(("was_at_risk", "is_at_risk", "newly_at_risk"), _RISK),
    "run_id": _given("run id"),
    "source_version": _given("version"),
}  # fmt: skip

DERIVATIONS: dict[str, dict[str, Derivation]] = {
    **{f"bronze.{feed.name}": _bronze(feed) for feed in FEEDS.values()},
    "silver.customers": _CUSTOMERS,
    "silver.customer_history": _HISTORY,
    "silver.tombstones": _TOMBSTONES,
    "silver.quarantine": _QUARANTINE,
    _ANALYSIS_NAME: _ANALYSIS,
    _BREAKDOWN_NAME: _BREAKDOWN,
    "gold.churn_kpis": _KPIS,
    "gold.customer_movements": _MOVEMENTS,
}
"""What each column of each table is computed from, columns of its own table included."""

_ROW_CONDITIONS: dict[str, tuple[Source, ...]] = {
    "silver.customers": tuple(_from_feeds(*_MOMENTS, "_batch_id", "_operation", "_sequence").uses),
    "silver.customer_history": tuple(_from_feeds(*_MOMENTS, "_operation", "_sequence").uses),
    "silver.tombstones": tuple(_from_feeds("_operation").uses),
    _ANALYSIS_NAME: (Source("silver.customers", "is_complete"),),
    "gold.customer_movements": tuple(
        Source(_ANALYSIS_NAME, column)
        for column in dict.fromkeys(("risk_segment", "churn_flag", *_columns_in(AT_RISK)))
    ),
}
