"""bronze.<feed>: what was received, as received, and where it came from."""

from pyspark.sql.types import LongType, StringType, StructField, StructType, TimestampType

from transforms.feeds import Feed


def _field(name: str, kind: LongType | StringType | TimestampType, comment: str, nullable: bool = True) -> StructField:
    return StructField(name, kind, nullable, {"comment": comment})


LINEAGE = (
    _field(
        "_batch_id", LongType(), "Number of the ingest batch, rising by one; the watermark of silver", nullable=False
    ),
    _field("_source_file", StringType(), "Path of the file below the raw folder", nullable=False),
    _field("_source_checksum", StringType(), "SHA-256 of the file's content", nullable=False),
    _field("_ingested_at", TimestampType(), "When the batch was read, UTC", nullable=False),
    _field(
        "_file_event_at",
        TimestampType(),
        "Event time of records without one: date in the path, else file time",
        nullable=False,
    ),
    _field("_parse_error", StringType(), "Why the line could not be parsed; null for a parsed one"),
    _field("_rescued_data", StringType(), "An unparsed line as received, or the columns that no schema names, as JSON"),
)


def bronze_schema(feed: Feed) -> StructType:
    """Lineage first, then the feed's columns as strings."""
    received = [_field(column, StringType(), f"{column} as received") for column in feed.columns]
    return StructType([*LINEAGE, *received])
