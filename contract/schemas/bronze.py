"""bronze.<feed>: what was received, as received, and where it came from."""

from contract.feeds import Feed
from contract.schema import Field, Schema, required

LINEAGE = (
    required("_batch_id", "bigint", "Number of the ingest batch, rising and never used twice; the watermark of silver"),
    required("_source_file", "string", "Path of the file below the raw folder"),
    required("_source_checksum", "string", "SHA-256 of the file's content"),
    required("_ingested_at", "timestamp", "When the batch was read, UTC"),
    required("_file_event_at", "timestamp", "Event time of records without one: date in the path, else file time"),
    Field("_parse_error", "string", "Why the line could not be parsed; null for a parsed one"),
    Field("_rescued_data", "string", "An unparsed line as received, or the columns that no schema names, as JSON"),
    Field("_position", "bigint", "Number of the record in its file, from 1; null in rows of earlier releases"),
    Field(
        "_operation",
        "string",
        "What happened to the record in its source: upsert, delete or before (the image before a change, which counts for "
        "nothing), another word as received; null where the file does not say",
    ),
    Field("_sequence", "string", "Position of the change in the log of its source; null where the file has none"),
)


def bronze_schema(feed: Feed) -> Schema:
    """Return the schema of a feed's table: lineage first, then the feed's columns as strings."""
    return Schema((*LINEAGE, *(Field(column, "string", f"{column} as received") for column in feed.columns)))
