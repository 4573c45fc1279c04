"""bronze.<feed> to silver.customers and silver.quarantine: conform, check, reduce, merge."""

import operator
from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contract.columns import EVENT_TIME, KEY
from contract.feeds import GROUPS, Feed, Group
from contract.schemas.silver import CUSTOMERS, QUARANTINE
from transforms.row_rules import trimmed_sql, typed_sql, violations_sql

_FINGERPRINT = "_fingerprint"
_CONFLICT = "_is_conflict"
_RECEIVED_KEY = "_received_key"
_ORDER = ("_event_at", "_batch_id", "_source_file")
_WHOLE = (Window.unboundedPreceding, Window.unboundedFollowing)


def conform(bronze: DataFrame, feed: Feed) -> DataFrame:
    """Return typed columns of `feed`, its key, `_event_at`, lineage, `_violations`, and `_raw_record` where there are some.

    `_violations` has a message for every rule that the row breaks; a clean row has none.
    The same id twice in one file, at one event time, with different values, is a violation
    too: which one is right is unknown.
    """
    lineage = ["_batch_id", "_source_file", "_ingested_at", "_parse_error", "_rescued_data"]
    columns = [column.name for column in feed.attributes]
    texts = _with_conflicts(bronze, feed).selectExpr(
        *lineage,
        "_event_at",
        _FINGERPRINT,
        _CONFLICT,
        f"{_RECEIVED_KEY} AS {KEY}",
        *(f"{trimmed_sql(column)} AS t_{column}" for column in feed.columns if column != KEY),
        *(f"{_carries(group)} AS {_carried(group)}" for group in feed.groups),
        f"struct({', '.join((*feed.columns, '_rescued_data'))}) AS _received",
    )
    values = texts.selectExpr("*", *(f"{typed_sql(column, feed)} AS `{column.name}`" for column in feed.attributes))
    conflict = f"{KEY}: duplicate key with conflicting values and the same event time"
    kept = [KEY, *columns, *map(_carried, feed.groups), "_event_at", *lineage, _FINGERPRINT, "_received"]
    checked = values.selectExpr(
        *kept, f"concat({violations_sql(feed)}, IF({_CONFLICT}, array('{conflict}'), array())) AS _violations"
    )
    return checked.withColumn("_raw_record", F.expr(_raw_record())).drop("_received", "_parse_error", "_rescued_data")


def _raw_record() -> str:
    """The line as received where it could not be parsed, else its columns as JSON; null for clean rows."""
    received = "CASE WHEN _parse_error IS NOT NULL THEN _rescued_data ELSE to_json(_received) END"
    return f"CASE WHEN size(_violations) > 0 THEN {received} END"


def _carries(group: Group) -> str:
    """Whether a record carries the group: a column that its file has is never null."""
    return f"coalesce({', '.join(group.columns)}) IS NOT NULL"


def _carried(group: Group) -> str:
    return f"_has_{group.name}"


def _with_conflicts(bronze: DataFrame, feed: Feed) -> DataFrame:
    """`bronze` with its trimmed key, `_event_at`, a fingerprint and whether it conflicts with another row."""
    received_at = f"try_to_timestamp({trimmed_sql(EVENT_TIME)})" if EVENT_TIME in feed.columns else "NULL"
    keyed = bronze.selectExpr(
        "*",
        f"{trimmed_sql(KEY)} AS {_RECEIVED_KEY}",
        f"coalesce({received_at}, _file_event_at) AS _event_at",
        f"xxhash64({', '.join((*feed.columns, '_parse_error', '_rescued_data'))}) AS {_FINGERPRINT}",
    )
    same = Window.partitionBy(_RECEIVED_KEY, *_ORDER).orderBy(_FINGERPRINT).rowsBetween(*_WHOLE)
    differs = F.first(_FINGERPRINT).over(same) != F.last(_FINGERPRINT).over(same)
    # One shuffle by key and one sort, of rows as received, serve this window, the next one and the join of the feeds.
    return keyed.repartition(_RECEIVED_KEY).withColumn(_CONFLICT, differs & F.col(_RECEIVED_KEY).isNotNull())


def latest(typed: DataFrame, feed: Feed) -> DataFrame:
    """Return one row per customer with each group's newest values, and `_<group>_at`; quarantined rows left out.

    The order is the event time, then the batch, then the file name. A group that a
    record leaves out comes from the newest record that has it.
    """
    oldest_first = Window.partitionBy(KEY).orderBy(*_ORDER, _FINGERPRINT)
    whole = oldest_first.rowsBetween(*_WHOLE)
    newest = [
        F.last(F.when(F.col(_carried(group)), F.struct("_event_at", *group.columns)), ignorenulls=True)
        .over(whole)
        .alias(group.name)
        for group in feed.groups
    ]
    is_last = F.lead(F.lit(True)).over(oldest_first).isNull().alias("_is_last")
    batch = F.max("_batch_id").over(whole).alias("_batch_id")
    reduced = typed.where(F.size("_violations") == 0).select(KEY, *newest, batch, is_last).where("_is_last")
    return reduced.select(
        KEY,
        *(F.col(f"{group.name}.{column}").alias(column) for group in feed.groups for column in group.columns),
        *(F.col(f"{group.name}._event_at").alias(group.event_column) for group in feed.groups),
        "_batch_id",
    )


def combine(feeds: Mapping[str, DataFrame], specs: Mapping[str, Feed]) -> DataFrame:
    """Return the rows of silver.customers from the `latest` rows of each feed, joined on the customer id.

    Where a whole record and a feed both carry a group, the newer event time wins.
    """
    renamed = [
        frame.select(KEY, *(F.col(c).alias(f"{name}__{c}") for c in frame.columns if c != KEY))
        for name, frame in feeds.items()
    ]
    joined = reduce(lambda left, right: left.join(right, on=KEY, how="full"), renamed)
    picked = [column for group in GROUPS for column in _pick(group, specs)]
    batch = F.greatest(F.lit(-1), *(F.col(f"{name}___batch_id") for name in feeds))
    wide = joined.select(KEY, *picked, batch.cast("long").alias("_batch_id"))
    return wide.withColumn("is_complete", _is_complete()).select(*CUSTOMERS.names)


def _pick(group: Group, specs: Mapping[str, Feed]) -> list[Column]:
    sources = [name for name, feed in specs.items() if group in feed.groups]
    if not sources:
        empty = [F.lit(None).cast(CUSTOMERS[column].type).alias(column) for column in group.columns]
        return [*empty, F.lit(None).cast("timestamp").alias(group.event_column)]
    columns = [*group.columns, group.event_column]
    if len(sources) == 1:
        return [F.col(f"{sources[0]}__{column}").alias(column) for column in columns]
    versions = [_version(source, group) for source in sources]
    best = F.greatest(*versions)
    return [best[column].alias(column) for column in columns]


def _version(source: str, group: Group) -> Column:
    """A struct that compares by event time, then batch; null where the source lacks the group."""
    event = F.col(f"{source}__{group.event_column}")
    fields = [event.alias("_at"), F.col(f"{source}___batch_id").alias("_batch")]
    fields += [F.col(f"{source}__{c}").alias(c) for c in (*group.columns, group.event_column)]
    return F.when(event.isNotNull(), F.struct(*fields))


def _is_complete() -> Column:
    required = (F.col(group.event_column).isNotNull() for group in GROUPS if group.required)
    return reduce(operator.and_, required)


def merge_condition() -> str:
    """Return SQL over `t` and `s`: some group of `s` is at least as new as in the table."""
    return " OR ".join(_is_newer(group) for group in GROUPS)


def merge_assignments() -> dict[str, str]:
    """Return SQL over `t` and `s` for each column of an update: every group from whichever side is newer."""
    taken = {
        column: f"CASE WHEN {_is_newer(group)} THEN s.`{column}` ELSE t.`{column}` END"
        for group in GROUPS
        for column in (*group.columns, group.event_column)
    }
    complete = " AND ".join(
        f"coalesce(s.`{g.event_column}`, t.`{g.event_column}`) IS NOT NULL" for g in GROUPS if g.required
    )
    return taken | {"is_complete": complete, "_batch_id": "s.`_batch_id`"}


def _is_newer(group: Group) -> str:
    at = group.event_column
    return f"(s.`{at}` IS NOT NULL AND (t.`{at}` IS NULL OR s.`{at}` >= t.`{at}`))"


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


def resolve(
    open_rows: DataFrame, customers: DataFrame, specs: Sequence[Feed], delivered: Mapping[str, int]
) -> DataFrame:
    """Return the open quarantine rows that count no longer, marked as resolved.

    Their customer has received valid values since: every required group of the record's feed is at least as new as the
    record. Or their file was delivered again, in the batch that `delivered` gives for it: that delivery says anew what
    is wrong.
    """
    times = [group.event_column for group in GROUPS]
    known = customers.select(KEY, F.col("_batch_id").alias("_resolver"), *times)
    newest = open_rows.sparkSession.createDataFrame(list(delivered.items()), "source_file string, _newest bigint")
    joined = (
        open_rows.where("status = 'open'")
        .join(known, on=KEY, how="left")
        .join(F.broadcast(newest), on="source_file", how="left")
    )
    is_overtaken: Column = reduce(operator.or_, ((F.col("feed") == feed.name) & _is_overtaken(feed) for feed in specs))
    is_replaced = F.col("batch_id") < F.col("_newest")
    resolver = F.when(is_replaced, F.col("_newest")).otherwise(F.col("_resolver"))
    return (
        joined.where(is_overtaken | is_replaced)
        .withColumns({"status": F.lit("resolved"), "resolved_by_batch": resolver})
        .select(*QUARANTINE.names)
    )


def _is_overtaken(feed: Feed) -> Column:
    required = [group for group in feed.groups if group.required]
    return reduce(operator.and_, (F.col(group.event_column) >= F.col("event_at") for group in required))
