"""bronze.<feed>: what was received, as received, and where it came from."""

from pyspark.sql.types import LongType, StringType, StructType, TimestampType

from transforms.feeds import Feed
from transforms.schemas.fields import field

LINEAGE = (
    field(
        "_batch_id", LongType(), "Number of the ingest batch, rising by one; the watermark of silver", nullable=False
    ),
    field("_source_file", StringType(), "Path of the file below the raw folder", nullable=False),
    field("_source_checksum", StringType(), "SHA-256 of the file's content", nullable=False),
    field("_ingested_at", TimestampType(), "When the batch was read, UTC", nullable=False),
    field(
        "_file_event_at",
        TimestampType(),
        "Event time of records without one: date in the path, else file time",
        nullable=False,
    ),
    field("_parse_error", StringType(), "Why the line could not be parsed; null for a parsed one"),
    field("_rescued_data", StringType(), "An unparsed line as received, or the columns that no schema names, as JSON"),
)


def bronze_schema(feed: Feed) -> StructType:
    """Lineage first, then the feed's columns as strings."""
    received = [field(column, StringType(), f"{column} as received") for column in feed.columns]
    return StructType([*LINEAGE, *received])
