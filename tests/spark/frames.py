"""Frames for tests of pure functions, and a comparison that names the case that differs."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.types import StructField, StructType

from contract.feeds import Feed
from contract.schema import Schema
from contract.tables import TABLES
from tests.support.records import record
from transforms import silver
from transforms.spark_schema import spark_type

INGESTED_AT = datetime(2026, 3, 10, 6, tzinfo=UTC)
FILE_TIME = datetime(2026, 3, 9, tzinfo=UTC)


def nullable(schema: Schema, *more: StructField) -> StructType:
    """The declared types; null is allowed everywhere, so that a row may lack what a test does not look at."""
    return StructType([*(StructField(f.name, spark_type(f.type)) for f in schema), *more])


def table_frame(spark: SparkSession, table: str, rows: Iterable[Mapping[str, Any]], *more: StructField) -> DataFrame:
    """Rows of a table given as dictionaries; what they lack is null."""
    schema = nullable(TABLES[table].schema, *more)
    return spark.createDataFrame([tuple(row.get(name) for name in schema.names) for row in rows], schema)


def bronze_frame(spark: SparkSession, feed: Feed, cases: Mapping[str, Mapping[str, Any]]) -> DataFrame:
    """One row of bronze per case, whose name is its file and its customer; a case changes a good record."""
    lineage = {"_batch_id": 1, "_source_checksum": "c", "_ingested_at": INGESTED_AT, "_file_event_at": FILE_TIME}
    rows = [{**record(str(name)[:64]), **lineage, "_source_file": name, **changes} for name, changes in cases.items()]
    return table_frame(spark, f"bronze.{feed.name}", rows)


def conformed_frame(spark: SparkSession, feed: Feed, cases: Mapping[str, Mapping[str, Any]]) -> DataFrame:
    """The rows of `bronze_frame` conformed, and persisted as the job does."""
    return silver.conform(bronze_frame(spark, feed, cases), feed).persist()


def utc(value: datetime | None) -> datetime | None:
    """A collected timestamp, which has this machine's time zone, in UTC."""
    return value.astimezone(UTC) if value is not None else None


def in_utc(row: Row) -> dict[str, Any]:
    return {name: utc(v) if isinstance(v, datetime) else v for name, v in row.asDict().items()}


def by_name(rows: Iterable[Row], name: str) -> dict[Any, dict[str, Any]]:
    """Rows by the value of a column, which must be unique."""
    collected = [in_utc(row) for row in rows]
    found = {row[name]: row for row in collected}
    assert len(found) == len(collected), f"{name} is not unique"
    return found


def assert_cases(found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    """Both have the same cases, with equal results."""
    nothing = "nothing"
    names = [*expected, *(name for name in found if name not in expected)]
    wrong = [
        f"{name}: found {found.get(name, nothing)!r}, expected {expected.get(name, nothing)!r}"
        for name in names
        if name not in found or name not in expected or found[name] != expected[name]
    ]
    assert not wrong, f"{len(wrong)} of {len(names)} cases differ:\n" + "\n".join(wrong[:20])


def assert_declared(frame: DataFrame, table: str, rows: Iterable[Row] = ()) -> None:
    """`frame` has the declared names, order and types; `rows`, collected from it, have no null where none is declared."""
    schema = TABLES[table].schema
    declared = [(field.name, spark_type(field.type).simpleString()) for field in schema]
    assert [(field.name, field.dataType.simpleString()) for field in frame.schema] == declared
    required = [field.name for field in schema if not field.nullable]
    nulls = [(name, row) for row in rows for name in required if row[name] is None]
    assert not nulls, f"{table}: null where none is declared: {nulls[:3]}"
