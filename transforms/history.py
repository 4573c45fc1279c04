"""silver.customer_history: when a customer was how, and when that was known.

A moment is what the records of one batch say of a customer at one event time: of each column group the newest version.
The state at any time is, of each group, the newest of all versions until then. Which is newest, `transforms.silver` says.
"""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import KEY
from contract.feeds import FEEDS, GROUPS, Group
from contract.schemas.silver import HISTORY
from transforms import silver

_KNOWN_BEFORE = -1
"""Batch of the moments that earlier runs have recorded."""
_RECORDED_BEFORE = 0
"""Step that a customer's rows in the table are of. Each batch of the run that may correct them is a step after it."""
_MOMENT = (KEY, "_event_at", "_batch_id", "_ingested_at", silver.IS_ABSENCE, *(group.name for group in GROUPS))
_VALUES = tuple(column for group in GROUPS for column in group.columns)
_STATE = f"struct({', '.join(f'`{c}`' for c in (*_VALUES, 'is_complete', '_is_deleted'))})"
_FOUND = (
    *(name for name in HISTORY.names if name not in ("is_current", "recorded_to")),
    "_is_deleted",
    "_is_stored",
    "_step",
)
_BLANKS = ", ".join(f"`{column}` IS NULL" for column in _VALUES)
"""A hash leaves out what is null: where that is has to be part of it."""
_TOLD_LAST = ("valid_to", "change", "changed_columns", *(group.event_column for group in GROUPS))
_TOLD = f"struct({', '.join(_TOLD_LAST)})"
UPDATED = ("is_current", "recorded_to", *_TOLD_LAST)
"""What a later batch changes in a row; the rest of it stays as it was recorded."""


def moments_of(typed: Mapping[str, DataFrame]) -> DataFrame:
    """Return the moments of conformed rows (see `silver.conform`), by feed; quarantined rows count for nothing.

    Columns: the customer, `_event_at`, `_batch_id`, `_ingested_at`, whether its deletions, if any, are all from
    snapshots that lack the customer, and each group's newest version, a struct.
    """
    frames = [_of_feed(rows, name) for name, rows in typed.items()]
    if len(frames) == 1:
        return frames[0]
    newest = (f"max(`{group.name}`) AS `{group.name}`" for group in GROUPS)
    together = reduce(DataFrame.unionByName, frames).groupBy(KEY, "_event_at", "_batch_id")
    return together.agg(
        F.max("_ingested_at").alias("_ingested_at"),
        F.min(silver.IS_ABSENCE).alias(silver.IS_ABSENCE),
        *map(F.expr, newest),
    ).select(*_MOMENT)


def _of_feed(rows: DataFrame, feed: str) -> DataFrame:
    groups = FEEDS[feed].groups
    lacking = (f"CAST(NULL AS {silver.version_type(g)}) AS `{g.name}`" for g in GROUPS if g not in groups)
    valid = rows.where("size(_violations) = 0").groupBy(KEY, "_event_at", "_batch_id")
    absence = f"min(IF(_is_deletion, {silver.IS_ABSENCE}, NULL)) AS {silver.IS_ABSENCE}"
    columns = ("max(_ingested_at) AS _ingested_at", absence, *(silver.newest_sql(group) for group in groups))
    newest = valid.agg(*map(F.expr, columns))
    return newest.selectExpr("*", *lacking).select(*_MOMENT)


def after(moments: DataFrame, batch: int) -> DataFrame:
    """Return the moments of later batches than one, and as earlier ones whom snapshots until then lack.

    Of somebody who is new in a later batch they say something for the first time.
    """
    is_new = f"_batch_id > {batch}"
    columns = (
        f"IF({is_new}, _batch_id, {_KNOWN_BEFORE}L) AS _batch_id" if c == "_batch_id" else f"`{c}`" for c in _MOMENT
    )
    return moments.where(f"{is_new} OR {silver.IS_ABSENCE}").selectExpr(*columns)


def late_customers(moments: DataFrame, customers: DataFrame, tombstones: DataFrame | None) -> DataFrame:
    """Return the customers of whom a moment says something older than is known: silver.customers and its tombstones tell.

    What came between is not in the history where it said nothing new, and may say something now: bronze has it. Without
    `tombstones`, in a lake without changes of databases, there is no log to compare.
    """
    firsts = (f"min(`{group.name}`._event_at) AS `{group.name}_at`" for group in GROUPS)
    logged = (f"min(coalesce(`{group.name}`._in_log, '')) AS `{group.name}_log`" for group in GROUPS)
    new = moments.where(F.col("_batch_id") > _KNOWN_BEFORE)
    first = new.groupBy(KEY).agg(*map(F.expr, firsts if tombstones is None else (*firsts, *logged)))
    has_logs = tombstones is not None
    in_table = {group.name: (f"`{group.event_column}`", f"_sequences['{group.name}']") for group in GROUPS}
    late = first.join(customers, KEY).where(_is_behind(in_table, "<", has_logs=has_logs)).select(KEY)
    if tombstones is None:
        return late
    # A deletion may outrank what is of the same moment, and one that was told again is not in the history.
    remembered = {group.name: (f"`{group.name}`._event_at", f"`{group.name}`._in_log") for group in GROUPS}
    deleted = first.join(silver.remembered(tombstones), KEY).where(_is_behind(remembered, "<=", has_logs=True))
    return late.unionByName(deleted.select(KEY)).distinct()


def _is_behind(known: Mapping[str, tuple[str, str]], than: str, *, has_logs: bool) -> str:
    """Whether the first version of some group is older than what is known of it, by time or by log."""
    behind = [f"`{name}_at` {than} {at}" for name, (at, _) in known.items()]
    if has_logs:
        behind += [f"`{name}_log` {than} {log}" for name, (_, log) in known.items()]
    return " OR ".join(f"coalesce({each}, false)" for each in behind)


def with_earlier(moments: DataFrame, known: DataFrame, late: DataFrame, earlier: Mapping[str, DataFrame]) -> DataFrame:
    """Return `moments` and those of the same customers that earlier batches have told, as far as they matter.

    They are taken from the `known` rows of the history, and for customers in `late` from conformed rows of `earlier` batches.
    """
    batch = F.lit(_KNOWN_BEFORE).cast("long")
    from_rows = known.join(late, KEY, "left_anti").selectExpr(
        KEY,
        "valid_from AS _event_at",
        "recorded_from AS _ingested_at",
        f"CASE change WHEN 'absent' THEN true WHEN 'deleted' THEN false END AS {silver.IS_ABSENCE}",
        *(f"{_version_of_row(group)} AS `{group.name}`" for group in GROUPS),
    )
    found = [moments, from_rows.withColumn("_batch_id", batch)]
    if earlier:
        of_late = {name: rows.join(late, KEY, "left_semi") for name, rows in earlier.items()}
        found.append(moments_of(of_late).withColumn("_batch_id", batch))
    return reduce(DataFrame.unionByName, found)


def _version_of_row(group: Group) -> str:
    """The version with which the values of the group began. Nothing that is compared with it is older (`late_customers`)."""
    is_deletion = " AND ".join(f"`{column}` IS NULL" for column in group.columns)
    values = ", ".join(f"`{column}`" for column in group.columns)
    fields = f"NULL, `{group.event_column}`, false, CAST({_KNOWN_BEFORE} AS bigint), '', {is_deletion}, {values}"
    return f"IF(`{group.event_column}` IS NULL, NULL, CAST(struct({fields}) AS {silver.version_type(group)}))"


def history(moments: DataFrame, *, has_batches: bool) -> DataFrame:
    """Return all rows of silver.customer_history for all `moments`; `has_batches` says that they are of several batches."""
    found = _believed(moments, has_batches=has_batches)
    if has_batches:
        return _with_recorded_times(found).where("_is_stored").selectExpr(*_COLUMNS)
    return found.where("_is_stored").selectExpr("*", "CAST(NULL AS timestamp) AS recorded_to").selectExpr(*_COLUMNS)


def changes(moments: DataFrame, known: DataFrame, *, has_batches: bool) -> DataFrame:
    """Return the rows of silver.customer_history that are new, or differ from the `known` ones in what is `UPDATED`.

    `moments` are those of a run's batches and, as `recorded_before`, all earlier ones that matter; `known` are the rows of
    the same customers that are held to be true.
    """
    earlier = known.selectExpr(
        "*",
        "change IN ('deleted', 'absent') AS _is_deleted",
        "true AS _is_stored",
        f"{_RECORDED_BEFORE} AS _step",
        "CAST(NULL AS timestamp) AS _known_at",
    ).selectExpr(*_FOUND, "_known_at", "_known_at AS _next_at")
    recorded = _with_recorded_times(_believed(moments, has_batches=has_batches).unionByName(earlier))
    is_as_before = f"recorded_to IS NULL AND _before <=> {_TOLD}"
    return recorded.where(f"_is_stored AND (_step > {_RECORDED_BEFORE} OR NOT ({is_as_before}))").selectExpr(*_COLUMNS)


_COLUMNS = [
    "valid_to IS NULL AND recorded_to IS NULL AS is_current" if name == "is_current" else f"`{name}`"
    for name in HISTORY.names
]


def _believed(moments: DataFrame, *, has_batches: bool) -> DataFrame:
    """What is held to be true of each customer after each of his steps: a row per change.

    Columns are `_FOUND`, when the step's batch was read, `_known_at`, and that of the one after it, `_next_at`. A deletion of
    somebody of whom nothing else is known is no row of the history, so not `_is_stored`; it may end what was held before.
    """
    states = _states(_stepped(_without_news(moments) if has_batches else moments, has_batches=has_batches))
    in_time = f"PARTITION BY {KEY}, _step ORDER BY valid_from"
    earlier = f"{in_time} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    compared = states.selectExpr("*", f"{_STATE} AS _state").selectExpr(
        "*",
        f"lag(_state) OVER ({in_time}) AS _before",
        f"coalesce(bool_or(NOT _is_deleted) OVER ({earlier}), false) AS _was_there",
    )
    differing = ", ".join(f"IF(_state.`{c}` <=> _before.`{c}`, NULL, '{c}')" for c in _VALUES)
    return (
        compared.where("NOT (_state <=> _before)")
        .selectExpr(
            "*",
            f"CASE WHEN _is_deleted THEN IF({silver.IS_ABSENCE}, 'absent', 'deleted') WHEN NOT _was_there THEN 'new' "
            "WHEN _before._is_deleted THEN 'returned' ELSE 'changed' END AS change",
            f"lead(valid_from) OVER ({in_time}) AS valid_to",
            "_was_there OR NOT _is_deleted AS _is_stored",
            *(f"last({_since(group)}, true) OVER ({in_time}) AS `{group.event_column}`" for group in GROUPS),
        )
        .selectExpr(
            "*",
            f"IF(change = 'changed', filter(array({differing}), c -> c IS NOT NULL), CAST(array() AS array<string>)) "
            "AS changed_columns",
        )
        .selectExpr(*(f"`{name}`" for name in _FOUND), "_known_at", "_next_at")
    )


def _since(group: Group) -> str:
    """The time of a change, null where it is not one of the group."""
    same = " AND ".join(f"_state.`{column}` <=> _before.`{column}`" for column in group.columns)
    return f"IF({same}, NULL, valid_from)"


def _without_news(moments: DataFrame) -> DataFrame:
    """`moments` without those that make no difference to any state, whenever it is asked for.

    Such a one repeats what the one before it in time says, which was known before it. Most deliveries are of this kind, and
    each would be a step for a customer of whom something came late.
    """
    before = f"PARTITION BY {KEY} ORDER BY _event_at, _batch_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    compared = moments.selectExpr(
        "*", *(f"max(`{group.name}`) OVER ({before}) AS `{_earlier(group)}`" for group in GROUPS)
    )
    news = " OR ".join(f"(`{group.name}` IS NOT NULL AND {_says_something_new(group)})" for group in GROUPS)
    return compared.where(news).select(*_MOMENT)


def _earlier(group: Group) -> str:
    return f"_before_{group.name}"


def _says_something_new(group: Group) -> str:
    """Whether a version differs from the one before in values, came before it, or outranks what may come later."""
    version, earlier = f"`{group.name}`", f"`{_earlier(group)}`"
    same = " AND ".join(f"{version}.`{c}` <=> {earlier}.`{c}`" for c in ("_is_deletion", *group.columns))
    outranks = f"{version}._in_log IS NOT NULL OR {version}._is_last"
    return f"coalesce({earlier}._batch_id > {version}._batch_id, true) OR {outranks} OR NOT ({same})"


def _stepped(moments: DataFrame, *, has_batches: bool) -> DataFrame:
    """The moments that are known at each step of their customer, with that step.

    Where each batch tells only what happened after all that was known, nothing is corrected, and the last step says all.
    """
    customer = f"PARTITION BY {KEY}"
    earlier_batches = f"{customer} ORDER BY _batch_id RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    is_late = f"coalesce(max(_event_at) OVER ({earlier_batches}) >= _event_at, false)" if has_batches else "false"
    batch = f"IF(_batch_id > {_KNOWN_BEFORE}, struct(_batch_id, _ingested_at), NULL)"
    return (
        moments.selectExpr(
            "*", f"array_sort(collect_set({batch}) OVER ({customer})) AS _batches", f"{is_late} AS _is_late"
        )
        .selectExpr("*", f"bool_or(_is_late) OVER ({customer}) AS _is_corrected")
        .selectExpr("*", "IF(_is_corrected, _batches, slice(_batches, -1, 1)) AS _steps")
        .selectExpr("*", "posexplode(_steps) AS (_place, _known)")
        .where("_batch_id <= _known._batch_id")
    )


def _states(stepped: DataFrame) -> DataFrame:
    """The state of each customer at each moment of each step."""
    until = f"PARTITION BY {KEY}, _place ORDER BY _event_at"
    has_own_batch = f"_batch_id > {_KNOWN_BEFORE} AND NOT _is_corrected"
    newest = stepped.selectExpr(
        KEY,
        "_event_at AS valid_from",
        f"IF({has_own_batch}, _batch_id, _known._batch_id) AS _batch_id",
        f"IF({has_own_batch}, _ingested_at, _known._ingested_at) AS recorded_from",
        "_place + 1 AS _step",
        "_known._ingested_at AS _known_at",
        "get(_steps, _place + 1)._ingested_at AS _next_at",
        f"bool_and({silver.IS_ABSENCE}) OVER (PARTITION BY {KEY}, _place, _event_at) AS {silver.IS_ABSENCE}",
        *(f"max(`{group.name}`) OVER ({until}) AS `{group.name}`" for group in GROUPS),
    )
    kept = ("valid_from", "_batch_id", "recorded_from", "_step", "_known_at", "_next_at", silver.IS_ABSENCE)
    return newest.selectExpr(
        KEY,
        *kept,
        *(f"{silver.present_sql(group, column)} AS `{column}`" for group in GROUPS for column in group.columns),
        f"{' AND '.join(silver.is_present_sql(group) for group in GROUPS if group.required)} AS is_complete",
    ).selectExpr("*", f"{' AND '.join(f'`{column}` IS NULL' for column in _VALUES)} AS _is_deleted")


def _with_recorded_times(rows: DataFrame) -> DataFrame:
    """What is held to be true over steps that follow each other, once, and `recorded_to`, when that ended.

    What a later step may say anew is that of the last of these steps; `_before` has what the first said of it.
    """
    customer = f"PARTITION BY {KEY}"
    same = f"{customer}, valid_from, _fingerprint"
    numbered = (
        rows.selectExpr(
            "*",
            f"xxhash64({_STATE}, {_BLANKS}, _is_stored) AS _fingerprint",
            f"max(_step) OVER ({customer}) AS _last_step",
            f"min(IF(_step = {_RECORDED_BEFORE + 1}, _known_at, NULL)) OVER ({customer}) AS _first_known_at",
        )
        .selectExpr("*", f"_step - row_number() OVER ({same} ORDER BY _step) AS _island")
        .selectExpr(
            "*",
            f"{_TOLD} AS _before",
            f"last(struct(_step, _next_at, {_TOLD} AS told)) OVER ({same}, _island ORDER BY _step "
            "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS _last",
            f"row_number() OVER ({same}, _island ORDER BY _step) AS _number",
        )
        .where("_number = 1")
    )
    ended = f"IF(_last._step = {_RECORDED_BEFORE}, _first_known_at, _last._next_at)"
    return numbered.drop(*_TOLD_LAST).selectExpr(
        "*",
        f"IF(_last._step = _last_step, NULL, {ended}) AS recorded_to",
        *(f"_last.told.`{name}` AS `{name}`" for name in _TOLD_LAST),
    )
