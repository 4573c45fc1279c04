"""Snapshots, full pictures of a feed: who is missing in which, as deletions among conformed rows (see `transforms.silver`)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from types import MappingProxyType

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import KEY, NULL_WORDS
from contract.feeds import FEEDS, Feed
from lake.snapshots import Snapshot
from transforms.received_text import key_sql, valued_sql, visible_key_sql
from transforms.row_rules import key_violation_sql
from transforms.silver import IS_ABSENCE

NUMBER = "_snapshot"
"""Column with the place of a snapshot in a list of them, from 0."""
SINCE = "_since"
"""Column with the event time of the oldest that is known of a customer."""


def members(rows: DataFrame, snapshots: Sequence[Snapshot]) -> DataFrame:
    """Return `KEY` and `NUMBER` of the `rows` of bronze, or conformed ones, that are of a snapshot, quarantined ones too.

    The key is null where a record does not tell who it is.
    """
    files = [(batch, path, number) for number, one in enumerate(snapshots) for batch, path in one.keys]
    named = rows.sparkSession.createDataFrame(files, f"_batch_id bigint, _source_file string, {NUMBER} int")
    found = rows.where(F.col("_batch_id").isin(*{one.batch for one in snapshots})) if snapshots else rows.limit(0)
    found = found.join(F.broadcast(named), on=["_batch_id", "_source_file"])
    return found.select(F.expr(f"IF({key_violation_sql()} IS NULL, {KEY}, NULL)").alias(KEY), NUMBER)


def with_keys(bronze: DataFrame) -> DataFrame:
    """Return where rows of bronze come from, and their key as silver has it."""
    visible = bronze.selectExpr("_batch_id", "_source_file", f"{visible_key_sql()} AS _visible_key")
    whole = visible.selectExpr("_batch_id", "_source_file", f"{key_sql('_visible_key')} AS _whole_key")
    return whole.selectExpr("_batch_id", "_source_file", f"{valued_sql('_whole_key', NULL_WORDS)} AS {KEY}")


def are_related(one: Feed, other: Feed) -> bool:
    """Return whether two feeds say something of the same parts of the record."""
    return bool(set(one.parts) & set(other.parts))


def known_in_rows(conformed: Mapping[str, DataFrame], feed: Feed) -> DataFrame:
    """Return `KEY` and `SINCE` of the customers of whom conformed rows, by feed, say something that `feed` may say too."""
    related = [rows for name, rows in conformed.items() if are_related(FEEDS[name], feed)]
    told = [rows.where("NOT _is_deletion AND size(_violations) = 0").select(KEY, "_event_at") for rows in related]
    return reduce(DataFrame.unionByName, told).groupBy(KEY).agg(F.min("_event_at").alias(SINCE))


def known_in_history(history: DataFrame, feed: Feed) -> DataFrame:
    """Return `KEY` and `SINCE` of the customers of whom silver.customer_history has ever had something that `feed` says."""
    held = history.where("recorded_to IS NULL").groupBy(KEY).agg(F.expr(f"min({_oldest_sql(feed)})").alias(SINCE))
    return held.where(F.col(SINCE).isNotNull())


def known_in_table(customers: DataFrame, feed: Feed) -> DataFrame:
    """Return `KEY` and `SINCE` of the customers in silver.customers of whom something is known that `feed` says."""
    return customers.selectExpr(KEY, f"{_oldest_sql(feed)} AS {SINCE}").where(F.col(SINCE).isNotNull())


def _oldest_sql(feed: Feed) -> str:
    """The oldest event time of what `feed` says of a customer."""
    times = ", ".join(f"`{group.event_column}`" for group in feed.groups)
    return f"least({times})" if len(feed.groups) > 1 else times


def absences(
    known: DataFrame,
    present: DataFrame,
    snapshots: Sequence[Snapshot],
    feed: Feed,
    read_at: Mapping[int, datetime] = MappingProxyType({}),
) -> DataFrame:
    """Return deletions, shaped as conformed rows of `feed`: of each of the `known` by every snapshot that lacks him.

    `present` are the `members` of the snapshots. There is none where nothing that is known is as old as the snapshot.
    `read_at` says when batches were read.
    """
    numbers = ", ".join(map(str, range(len(snapshots))))
    there = present.groupBy(KEY).agg(F.collect_set(NUMBER).alias("_in"))
    # Equal customers of `known` and of its parts are one: the oldest counts.
    missing = (
        known.groupBy(KEY)
        .agg(F.min(SINCE).alias(SINCE))
        .join(there, on=KEY, how="left")
        .selectExpr(KEY, SINCE, f"explode(array_except(array({numbers}), coalesce(_in, array()))) AS {NUMBER}")
    )
    listed = [(number, one.at, one.batch, one.place, read_at.get(one.batch)) for number, one in enumerate(snapshots)]
    schema = f"{NUMBER} int, _event_at timestamp, _batch_id bigint, _place string, _ingested_at timestamp"
    described = known.sparkSession.createDataFrame(listed, schema)
    found = missing.join(F.broadcast(described), on=NUMBER).where(f"_event_at >= {SINCE}")
    return found.selectExpr(
        KEY,
        *(f"CAST(NULL AS {column.type}) AS `{column.name}`" for column in feed.attributes),
        *(f"true AS `_has_{group.name}`" for group in feed.groups),
        "CAST(NULL AS string) AS _in_log",
        "_event_at",
        "false AS _is_last",
        "_batch_id",
        "_place",
        "_place AS _source_file",
        "_ingested_at",
        "true AS _is_deletion",
        f"true AS {IS_ABSENCE}",
        "CAST(array() AS array<string>) AS _violations",
    )
