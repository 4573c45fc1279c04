"""bronze.<feed> to silver.customers and silver.quarantine: conform, check, reduce, merge."""

import operator
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contract.columns import EVENT_TIME, KEY, NULL_WORDS
from contract.feeds import FEEDS, GROUPS, PARTS, Feed, Group
from contract.schemas.silver import CUSTOMERS, QUARANTINE, TOMBSTONES
from contract.sources import BEFORE, DELETE
from transforms.received_text import (
    carried_sql,
    event_time_sql,
    key_sql,
    quote,
    trimmed_sql,
    valued_sql,
    visible_key_sql,
)
from transforms.row_rules import is_in_time_sql, is_snapshot_sql, sequence_sql, typed_sql, violations_sql

_FINGERPRINT = "_fingerprint"
_CONFLICT = "_is_conflict"
_FOUND = "_is_found"
GROUP_VERSIONS = "_group_versions"
"""Column that silver.customers does not have: when each group changed and how, of which some is taken."""
IS_TAKEN, IS_NEWS, IS_LEFT, KNOWN = "_is_taken", "_is_news", "_is_left", "_known"
"""Columns of `decided` that silver.customers does not have."""
DECISIONS = (GROUP_VERSIONS, IS_TAKEN, IS_NEWS, IS_LEFT, KNOWN)

_ORDER = ("_in_log", "_event_at", "_is_last", "_batch_id", "_place")
"""How versions compare: by the log of their source, which outranks every file without one, then by time and place.

`_is_last`: a deletion behind which its file has no other change of the customer with the same number or time. It outranks
all that have them: whichever file comes first, and also where one comes twice.
"""
_VERSION = ("_in_log", "_event_at", "_batch_id", "_place", "_is_deletion")
"""What is kept of a version but the values: when and where it was said."""
IS_ABSENCE = "_is_absence"
"""Column of conformed rows: a deletion that no source has told, of a customer who is missing in a snapshot."""
_LAST_OF_NUMBER = "|D"
_NOWHERE = ""
"""Place of what a tombstone remembers: the file is not known any more."""
_PLACE_IN_FILE = "char(0)"
"""What stands between the file of a place and the position in it: no file's name has it."""
_WHOLE = (Window.unboundedPreceding, Window.unboundedFollowing)


def conform(bronze: DataFrame, feed: Feed, judged_at: datetime | None = None, *, has_changes: bool = True) -> DataFrame:
    """Return typed columns of `feed`, its key, `_event_at`, lineage, `_violations`, and `_raw_record` where there are some.

    `_violations` has a message for every rule that the row breaks; a clean row has none.
    The same id twice in one file, at one event time, with different values, is a violation
    too: which one is right is unknown. `_event_at` is the record's own time, else its file's, else that of ingestion,
    the first that can be one. It cannot be one where it is long past, or in the future of `judged_at`, by default of
    ingestion. `_in_log` orders the changes of one source, and is null where that gives no order; `_is_deletion` says that
    the record was deleted there. A record of a snapshot counts from that at the earliest. Images of records before a change are left out. Without changes of databases
    (`has_changes`) there is less to compare.

    Persist it before use: a filter on `_violations` would otherwise be pushed below the rules, each of which then stands
    in the plan as often as anything refers to it.
    """
    columns = [column.name for column in feed.attributes]
    received = [column for column in feed.columns if column != KEY]
    lineage = ["_source_file", "_ingested_at", *_ORDER, "_is_deletion", _FINGERPRINT]
    kept = [
        KEY,
        *lineage,
        "_received_at",
        "_judged_at",
        "_parse_error",
        "_rescued_data",
        "_operation",
        "_sequence",
        _CONFLICT,
        *map(_carried, feed.groups),
    ]
    texts = _with_conflicts(
        _keyed(bronze, feed, judged_at, has_changes=has_changes), has_changes=has_changes
    ).selectExpr(
        *(column for column in kept if column not in (KEY, *map(_carried, feed.groups))),
        f"_key AS {KEY}",
        *(f"{trimmed_sql(column)} AS t_{column}" for column in received),
        *(f"{_carries(group)} AS {_carried(group)}" for group in feed.groups),
        f"struct({', '.join((*feed.columns, '_rescued_data'))}) AS _received",
    )
    words = {column.name: column.null_words for column in feed.attributes}
    valued = texts.selectExpr(
        *kept, "_received", *(f"{valued_sql(f't_{c}', words.get(c, NULL_WORDS))} AS t_{c}" for c in received)
    )
    values = valued.selectExpr("*", *(f"{typed_sql(column, feed)} AS `{column.name}`" for column in feed.attributes))
    conflict = f"{KEY}: duplicate key with conflicting values and the same event time"
    checked = values.selectExpr(
        KEY, *columns, *map(_carried, feed.groups), *lineage, "_parse_error", "_rescued_data", "_received",
        f"concat({violations_sql(feed)}, IF({_CONFLICT}, array('{conflict}'), array())) AS _violations",
        f"false AS {IS_ABSENCE}",
    )  # fmt: skip
    return checked.withColumn("_raw_record", F.expr(_raw_record())).drop("_received", "_parse_error", "_rescued_data")


def _raw_record() -> str:
    """The line as received where it could not be parsed, else its columns as JSON; null for clean rows.

    NUL, which few databases can store, is a space; JSON escapes it.
    """
    received = (
        r"CASE WHEN _parse_error IS NOT NULL THEN replace(_rescued_data, '\u0000', ' ') ELSE to_json(_received) END"
    )
    return f"CASE WHEN size(_violations) > 0 THEN {received} END"


def _carries(group: Group) -> str:
    """Whether a record says something of the group: a column that its file has is never null, and a deletion is of all."""
    return f"_is_deletion OR coalesce({', '.join(group.columns)}) IS NOT NULL"


def _carried(group: Group) -> str:
    return f"_has_{group.name}"


def _keyed(bronze: DataFrame, feed: Feed, judged_at: datetime | None, *, has_changes: bool) -> DataFrame:
    """`bronze` with `_key`, `_received_at`, `_event_at`, `_number` in the log of its source and a fingerprint of its values."""
    valued = [column for column in feed.columns if column not in (KEY, EVENT_TIME)]
    times = [f"IF({is_in_time_sql(at)}, {at}, NULL)" for at in ("_received_at", "_file_event_at")]
    own = f"coalesce({', '.join(times)}, _ingested_at)"
    # Who is in it was there then, however old his record is: what an earlier snapshot deleted is back.
    event_time = f"IF({is_snapshot_sql()}, greatest({own}, {times[-1]}), {own})" if has_changes else own
    judged = F.greatest("_ingested_at", F.lit(judged_at)) if judged_at else F.col("_ingested_at")
    return (
        bronze.where(f"NOT _operation <=> '{BEFORE}'")
        .withColumns({column: F.expr(carried_sql(column)) for column in (*feed.columns, "_rescued_data")})
        .withColumn("_judged_at", judged)
        .selectExpr("*", f"{visible_key_sql()} AS _visible_key", f"{event_time_sql()} AS _received_at")
        .selectExpr("*", f"{key_sql('_visible_key')} AS _whole_key")
        .selectExpr(
            "*",
            f"{valued_sql('_whole_key', NULL_WORDS)} AS _key",
            f"{event_time} AS _event_at",
            f"{sequence_sql()} AS _number",
            # Changes in one file happened one after the other; states in it that differ contradict each other.
            "IF(coalesce(_operation, _sequence) IS NULL, _source_file, "
            f"concat_ws({_PLACE_IN_FILE}, _source_file, lpad(_position, 12, '0'))) AS _place",
            f"_operation <=> '{DELETE}' AS _is_deletion",
            # A hash leaves out what is null: where that is has to be part of it.
            f"xxhash64({', '.join(f'`{c}`, `{c}` IS NULL' for c in valued)}) AS {_FINGERPRINT}",
        )
    )


def of_customers(bronze: DataFrame, customers: DataFrame) -> DataFrame:
    """Return the rows of bronze of some customers (column customer_id): fewer to conform."""
    keyed = bronze.withColumn("_visible_key", F.expr(visible_key_sql())).withColumn(
        "_whole_key", F.expr(key_sql("_visible_key"))
    )
    found = keyed.join(customers.select(F.col(KEY).alias("_whole_key")), "_whole_key", "left_semi")
    return found.select(*bronze.columns)


def _with_conflicts(keyed: DataFrame, *, has_changes: bool) -> DataFrame:
    """`keyed` with its order, and whether a row conflicts with another one."""
    # One shuffle by key and one sort, of rows as received, serve this window, the next step and the join of the feeds.
    rows = keyed.repartition("_key")
    is_last: Column = F.lit(False)
    if has_changes:
        moment = F.coalesce("_number", F.col("_event_at").cast("string"))
        changes = Window.partitionBy("_key", "_batch_id", "_source_file", moment).orderBy("_place")
        is_last = F.col("_is_deletion") & F.last("_is_deletion").over(changes.rowsBetween(*_WHOLE))
    ordered = rows.withColumn("_is_last", is_last).withColumn(
        "_in_log", F.expr(f"IF(_is_last, concat(_number, '{_LAST_OF_NUMBER}'), _number)")
    )
    same = Window.partitionBy("_key", *_ORDER).orderBy(_FINGERPRINT).rowsBetween(*_WHOLE)
    differs = F.first(_FINGERPRINT).over(same) != F.last(_FINGERPRINT).over(same)
    return ordered.withColumn(_CONFLICT, differs & F.col("_key").isNotNull())


def latest(typed: DataFrame, feed: Feed) -> DataFrame:
    """Return one row per customer: of each group of `feed` its newest version, a struct, null where no record has it.

    A version is `_in_log`, `_event_at`, `_is_last`, `_batch_id`, `_place`, `_is_deletion` and the values, and compares in
    this order.
    Quarantined rows count for nothing.
    """
    return (
        typed.where(F.size("_violations") == 0).groupBy(KEY).agg(*(F.expr(newest_sql(group)) for group in feed.groups))
    )


def newest_sql(group: Group) -> str:
    """Return SQL of the newest version of a group in several conformed rows."""
    version = f"struct({', '.join((*_ORDER, '_is_deletion', *group.columns))})"
    return f"max(CASE WHEN {_carried(group)} THEN {version} END) AS `{group.name}`"


def version_type(group: Group) -> str:
    """Return Spark's type of a version of a group."""
    order = "_in_log: string, _event_at: timestamp, _is_last: boolean, _batch_id: bigint, _place: string"
    return f"struct<{order}, _is_deletion: boolean, {', '.join(f'{c.name}: {c.type}' for c in group.declared)}>"


def deletions(typed: DataFrame, feed: Feed) -> DataFrame:
    """Return the rows of silver.tombstones for the deletions in `typed`: the last one of every customer."""
    last = (
        typed.where("_is_deletion AND size(_violations) = 0")
        .groupBy(KEY)
        .agg(F.expr(f"max(struct({', '.join((*_ORDER, IS_ABSENCE))})) AS v"))
    )
    return last.selectExpr(
        KEY,
        f"'{feed.name}' AS feed",
        "v._event_at AS deleted_at",
        "v._in_log AS sequence",
        "v._is_last AS is_last",
        "v._batch_id AS _batch_id",
        f"IF(v.{IS_ABSENCE}, 'absent', 'deleted') AS reason",
    ).select(*TOMBSTONES.names)


def all_deletions(conformed: Mapping[str, DataFrame]) -> DataFrame:
    """Return the rows of silver.tombstones for the deletions in conformed rows, by feed."""
    return _united(deletions(rows, FEEDS[name]) for name, rows in conformed.items())


def _united(frames: Iterable[DataFrame]) -> DataFrame:
    return reduce(DataFrame.unionByName, frames)


def remembered(tombstones: DataFrame) -> DataFrame:
    """Return the versions of all groups, as `latest` gives them, that tombstones stand for: a row per customer."""
    versions = [
        f"max(CASE WHEN {_deleted_by(group)} THEN {_tombstone(group)} END) AS `{group.name}`" for group in GROUPS
    ]
    return tombstones.groupBy(KEY).agg(*map(F.expr, versions))


def deletion_times(tombstones: DataFrame) -> DataFrame:
    """Return when each group of columns was deleted, as its event time, and the `_batch_id` of the deletion: a row per tombstone."""
    times = (f"CASE WHEN {_deleted_by(group)} THEN deleted_at END AS `{group.event_column}`" for group in GROUPS)
    return tombstones.selectExpr(KEY, "_batch_id", *times)


def _deleted_by(group: Group) -> str:
    feeds = (quote(feed.name) for feed in FEEDS.values() if group in feed.groups)
    return f"feed IN ({', '.join(feeds)})"


def _tombstone(group: Group) -> str:
    nothing = (f"CAST(NULL AS {column.type}) AS {column.name}" for column in group.declared)
    order = f"sequence AS _in_log, deleted_at AS _event_at, is_last AS _is_last, _batch_id, '{_NOWHERE}' AS _place"
    return f"struct({order}, true AS _is_deletion, {', '.join(nothing)})"


def is_newer_deletion() -> str:
    """Return SQL over `t` and `s`, rows of silver.tombstones: the deletion of `s` is the later one."""
    first, second = (f"struct(coalesce({x}.sequence, ''), {x}.deleted_at, {x}.is_last)" for x in "st")
    return f"{first} >= {second} AND s._batch_id > t._batch_id"


def combine(
    feeds: Mapping[str, DataFrame], specs: Mapping[str, Feed], tombstones: DataFrame | None = None
) -> DataFrame:
    """Return the rows of silver.customers and `GROUP_VERSIONS`, from the `latest` rows of each feed joined on the customer id.

    Where a whole record and a feed both carry a group, the newer version wins. `tombstones` are the `remembered` ones: what
    is older than they are stays deleted. A row of which everything is deleted has no value.
    """
    renamed = [
        frame.selectExpr(KEY, *(f"`{group.name}` AS {_from(name, group)}" for group in specs[name].groups))
        for name, frame in feeds.items()
    ]
    joined = reduce(lambda left, right: left.join(right, on=KEY, how="full"), renamed)
    known = dict(specs)
    if tombstones is not None:
        known[_DELETED.name] = _DELETED
        deleted = (f"`{group.name}` AS {_from(_DELETED.name, group)}" for group in GROUPS)
        joined = joined.join(tombstones.selectExpr(KEY, *deleted), on=KEY, how="left")
    newest = joined.selectExpr(KEY, *(f"{_newest(group, known)} AS `{group.name}`" for group in GROUPS))
    if tombstones is not None:
        # An earlier batch has applied them, and may have brought newer values after that.
        arrived = (f"CASE WHEN `{group.name}`._place <> '{_NOWHERE}' THEN `{group.name}` END" for group in GROUPS)
        newest = newest.selectExpr(KEY, *(f"{sql} AS `{g.name}`" for sql, g in zip(arrived, GROUPS, strict=True)))
    versions = (
        f"IF(`{g.name}` IS NULL, NULL, struct({', '.join(f'`{g.name}`.{field}' for field in _VERSION)})) AS `{g.name}`"
        for g in GROUPS
    )
    return newest.selectExpr(
        KEY,
        *(f"{present_sql(group, column)} AS `{column}`" for group in GROUPS for column in group.columns),
        *(f"{present_sql(group, '_event_at')} AS `{group.event_column}`" for group in GROUPS),
        f"{' AND '.join(is_present_sql(group) for group in GROUPS if group.required)} AS is_complete",
        f"greatest(-1L, {', '.join(present_sql(group, '_batch_id') for group in GROUPS)}) AS _batch_id",
        f"{_sequences({g.name: present_sql(g, '_in_log') for g in GROUPS})} AS _sequences",
        f"struct({', '.join(versions)}) AS {GROUP_VERSIONS}",
    ).select(*CUSTOMERS.names, GROUP_VERSIONS)


_DELETED = Feed("tombstones", PARTS)


def is_present_sql(group: Group) -> str:
    """Return SQL of whether a customer has the group, of whose newest version the column of its name holds."""
    return f"coalesce(NOT `{group.name}`._is_deletion, false)"


def present_sql(group: Group, column: str) -> str:
    """Return SQL of a field of the newest version of a group; null where that is a deletion."""
    return f"IF(`{group.name}`._is_deletion, NULL, `{group.name}`.`{column}`)"


def _sequences(by_group: Mapping[str, str]) -> str:
    """The places in their logs of the groups that have one; null where none has."""
    found = ", ".join(f"'{name}', {sequence}" for name, sequence in by_group.items())
    return (
        f"IF(coalesce({', '.join(by_group.values())}) IS NULL, NULL, map_filter(map({found}), (g, s) -> s IS NOT NULL))"
    )


def _from(feed: str, group: Group) -> str:
    return f"`{feed}__{group.name}`"


def _newest(group: Group, specs: Mapping[str, Feed]) -> str:
    """The newest version of a group in any feed."""
    found = [_from(name, group) for name, feed in specs.items() if group in feed.groups]
    if not found:
        return f"CAST(NULL AS {version_type(group)})"
    return f"greatest({', '.join(found)})" if len(found) > 1 else found[0]


def decided(rows: DataFrame, customers: DataFrame, *, has_changes: bool) -> DataFrame:
    """Return the rows of `combine` with what is decided of each, compared with the `customers` of the table.

    `IS_TAKEN` says of each group whether its version is at least as new as that of the table, `IS_NEWS` whether any is,
    `IS_LEFT` whether the customer has a value after it. `is_complete`, `_batch_id` and `_sequences` are what the table
    says after it, `KNOWN` is what it says before: the event times, and the places in their logs. Without changes of
    databases, in the batch or before, less has to be compared.
    """
    known = customers.select(KEY, *(group.event_column for group in GROUPS), "_sequences", "_batch_id")
    compared = rows.alias("s").join(known.alias("t"), F.expr(f"s.{KEY} = t.{KEY}"), how="left")
    flags = (f"{_is_newer(group, has_changes)} AS `{group.name}`" for group in GROUPS)
    times = (f"t.`{group.event_column}`" for group in GROUPS)
    judged = compared.selectExpr(
        "s.*", f"struct({', '.join(flags)}) AS {IS_TAKEN}", f"struct({', '.join((*times, 't._sequences'))}) AS {KNOWN}",
        "t._batch_id AS _known_batch",
    )  # fmt: skip
    left = {group.name: _left(group) for group in GROUPS}
    is_complete = " AND ".join(f"{left[group.name]} IS NOT NULL" for group in GROUPS if group.required)
    # A batch of `rows` is later than any of the table: the newest one that values are taken from is the newest of them all.
    batches = (f"IF({_is_taken(group)}, {_of_version(group, '_batch_id')}, NULL)" for group in GROUPS)
    after = {
        "is_complete": is_complete,
        "_batch_id": f"coalesce(greatest({', '.join(batches)}), _known_batch, -1L)",
        "_sequences": _sequences({group.name: _left_sequence(group) for group in GROUPS})
        if has_changes
        else "_sequences",
    }
    kept = (f"{after[name]} AS {name}" if name in after else f"`{name}`" for name in CUSTOMERS.names)
    return judged.selectExpr(
        *kept,
        GROUP_VERSIONS,
        IS_TAKEN,
        KNOWN,
        f"{' OR '.join(map(_is_taken, GROUPS))} AS {IS_NEWS}",
        f"coalesce({', '.join(left.values())}) IS NOT NULL AS {IS_LEFT}",
    )


def merge_assignments() -> dict[str, str]:
    """Return SQL over `t`, the table, and `s`, rows of `decided`, for each column of an update: every group from the newer side."""
    taken = {
        column: f"IF(s.{_is_taken(group)}, s.`{column}`, t.`{column}`)"
        for group in GROUPS
        for column in (*group.columns, group.event_column)
    }
    return taken | {column: f"s.{column}" for column in ("is_complete", "_batch_id", "_sequences")}


def _is_taken(group: Group) -> str:
    return f"{IS_TAKEN}.`{group.name}`"


def _left(group: Group) -> str:
    """The event time of the group after a row of `decided`, null where the customer does not have it."""
    return f"IF({_is_taken(group)}, `{group.event_column}`, {KNOWN}.`{group.event_column}`)"


def _left_sequence(group: Group) -> str:
    kept, found = f"{KNOWN}._sequences['{group.name}']", f"{GROUP_VERSIONS}.`{group.name}`"
    return f"CASE WHEN NOT {_is_taken(group)} THEN {kept} WHEN NOT {found}._is_deletion THEN {found}._in_log END"


def _of_version(group: Group, column: str) -> str:
    return f"{GROUP_VERSIONS}.`{group.name}`.{column}"


def _is_newer(group: Group, has_changes: bool) -> str:
    """Whether `s` has a version of the group that is at least as new as that of `t`. What is not there cannot be deleted."""
    at = group.event_column
    if not has_changes:
        return f"coalesce(s.`{at}` >= t.`{at}`, s.`{at}` IS NOT NULL)"
    place, event_at, is_deletion = (f"s.{_of_version(group, c)}" for c in ("_in_log", "_event_at", "_is_deletion"))
    found = _later(place, event_at, f"t._sequences['{group.name}']", f"t.`{at}`")
    return f"coalesce(IF(t.`{at}` IS NULL, NOT {is_deletion}, {found}), false)"


def file_of_place_sql(place: str) -> str:
    """Return SQL of the file that a version's place is in."""
    return f"substring_index({place}, {_PLACE_IN_FILE}, 1)"


def _later(sequence: str, at: str, than_sequence: str, than_at: str) -> str:
    """Whether one version is at least as new as another, of an earlier batch."""
    first, second = f"coalesce({sequence}, '')", f"coalesce({than_sequence}, '')"
    return f"({first} > {second} OR ({first} = {second} AND {at} >= {than_at}))"


def quarantine(typed: DataFrame, feed: Feed) -> DataFrame:
    """Return the rows of silver.quarantine for the quarantined rows of `typed`, all open."""
    identity = ("_batch_id", "_source_file", "_raw_record", KEY)
    quarantined = typed.where(F.size("_violations") > 0)
    grouped = quarantined.groupBy(*identity).agg(
        F.first("_violations").alias("reasons"),
        F.count(F.lit(1)).alias("occurrences"),
        F.first("_event_at").alias("event_at"),
        F.first("_ingested_at").alias("ingested_at"),
    )
    record_id = F.sha2(F.concat_ws("\u0001", F.lit(feed.name), *(F.col(c).cast("string") for c in identity)), 256)
    return grouped.select(
        record_id.alias("record_id"),
        F.lit(feed.name).alias("feed"),
        KEY,
        "reasons",
        F.col("_source_file").alias("source_file"),
        F.col("_raw_record").alias("raw_record"),
        "occurrences",
        "event_at",
        F.col("_batch_id").alias("batch_id"),
        "ingested_at",
        F.lit("open").alias("status"),
        F.lit(None).cast("long").alias("resolved_by_batch"),
    ).select(*QUARANTINE.names)


def all_quarantined(conformed: Mapping[str, DataFrame]) -> DataFrame:
    """Return the rows of silver.quarantine for the quarantined ones of conformed rows, by feed, all open."""
    return _united(quarantine(rows, FEEDS[name]) for name, rows in conformed.items())


def resolve(
    known: DataFrame | None, found: DataFrame, customers: DataFrame, specs: Sequence[Feed], delivered: Mapping[str, int]
) -> DataFrame:
    """Return what changes in silver.quarantine: the rows that were `found`, and those of `known` that count no longer.

    A row counts no longer, and is resolved, where its customer has received valid values since: every required group of the
    record's feed is at least as new as the record. Or its file was delivered again, in the batch that `delivered` gives for
    it: that delivery says anew what is wrong.
    """
    times = [group.event_column for group in GROUPS if group.required]
    present = customers.select(KEY, F.col("_batch_id").alias("_resolver"), *times)
    newest = found.sparkSession.createDataFrame(list(delivered.items()), "source_file string, _newest bigint")
    joined = (
        _pending(known, found).join(present, on=KEY, how="left").join(F.broadcast(newest), on="source_file", how="left")
    )
    is_overtaken: Column = reduce(operator.or_, ((F.col("feed") == feed.name) & _is_overtaken(feed) for feed in specs))
    is_replaced = F.col("batch_id") < F.col("_newest")
    resolver = F.when(is_replaced, F.col("_newest")).when(is_overtaken, F.col("_resolver"))
    return (
        joined.withColumn("resolved_by_batch", resolver)
        .where(f"{_FOUND} OR resolved_by_batch IS NOT NULL")
        .withColumn("status", F.expr("IF(resolved_by_batch IS NULL, 'open', 'resolved')"))
        .select(*QUARANTINE.names)
    )


def _pending(known: DataFrame | None, found: DataFrame) -> DataFrame:
    """The rows that are open; one that is known and was found again stands once."""
    new = found.withColumn(_FOUND, F.lit(True))
    if known is None:
        return new
    earlier = known.where("status = 'open'").join(found.select("record_id"), on="record_id", how="left_anti")
    return earlier.withColumn(_FOUND, F.lit(False)).unionByName(new)


def _is_overtaken(feed: Feed) -> Column:
    required = [group for group in feed.groups if group.required]
    return reduce(operator.and_, (F.col(group.event_column) >= F.col("event_at") for group in required))


def newest_values(
    customers: DataFrame | None, batch: DataFrame, tombstones: DataFrame | None, rows: DataFrame
) -> DataFrame:
    """Return the newest event times and batches of the customers of `rows`, in the batch, in `customers` or of their deletions."""
    columns = ["_batch_id", *(group.event_column for group in GROUPS if group.required)]
    sources = [frame.select(KEY, *columns) for frame in (batch, customers) if frame is not None]
    if tombstones is not None:
        sources.append(deletion_times(tombstones).select(KEY, *columns))
    keys = F.broadcast(rows.select(KEY).distinct())
    wanted = [frame.join(keys, on=KEY, how="left_semi") for frame in sources]
    if len(wanted) == 1:
        return wanted[0]
    return _united(wanted).groupBy(KEY).agg(*(F.max(column).alias(column) for column in columns))
