"""silver.customers, silver.customer_history, silver.tombstones and silver.quarantine."""

from contract.columns import BYTES_PER_CHARACTER, COLUMNS, KEY, MAX_TEXT_LENGTH, Column
from contract.feeds import GROUPS
from contract.schema import DEFAULT_MAX_BYTES, UNBOUNDED, Field, Schema, required

DEFINITION = "3"
"""Number of the rules by which bronze becomes silver: row rules, order of records, what is absent.

Raise it when they give other values for the same bronze; a new column needs none. The next run then rebuilds silver from
all of bronze, and compares gold as a whole.
"""


def _typed(column: Column) -> Field:
    size = MAX_TEXT_LENGTH * BYTES_PER_CHARACTER if column.is_free_text else DEFAULT_MAX_BYTES
    return Field(
        column.name,
        column.type,
        column.description,
        max_bytes=size,
        unit=column.unit,
        values=tuple(column.values),
        bounds=column.bounds or UNBOUNDED,
        sensitivity="restricted" if column.identifies else "confidential",
    )


CUSTOMERS = Schema(
    (
        required(KEY, "string", "Customer number of the operator", sensitivity="restricted"),
        *(_typed(column) for column in COLUMNS),
        required("is_complete", "boolean", "Every required column group has arrived"),
        *(Field(group.event_column, "timestamp", f"Event time of the {group.name} values, UTC") for group in GROUPS),
        required("_batch_id", "bigint", "Newest ingest batch that the values come from"),
        Field(
            "_sequences",
            "map<string,string>",
            "Place of a column group's values in the log of their source, by the group's name; null where no source gave one",
        ),
    )
)

CHANGES = ("new", "changed", "deleted", "absent", "returned")

HISTORY = Schema(
    (
        required(KEY, "string", "Customer number of the operator", sensitivity="restricted"),
        required("valid_from", "timestamp", "Event time from which on the customer was as the row says, UTC"),
        Field("valid_to", "timestamp", "Event time of the next change, UTC; null where none is known"),
        required("is_current", "boolean", "The row says how the customer is, as far as is known now"),
        required("recorded_from", "timestamp", "When the batch was read with which the row became known, UTC"),
        Field(
            "recorded_to",
            "timestamp",
            "When the batch was read after which the row was no longer held to be true, UTC; null where it still is",
        ),
        required(
            "change",
            "string",
            "new: the first that is known; changed; deleted: the source deleted the customer; absent: a snapshot lacks him; returned: "
            "after one of these",
            values=CHANGES,
        ),
        required(
            "changed_columns", "array<string>", "Columns whose values differ from before, where something changed"
        ),
        *(_typed(column) for column in COLUMNS),
        required("is_complete", "boolean", "Every required column group had arrived"),
        *(
            Field(group.event_column, "timestamp", f"Event time since which these {group.name} values were true, UTC")
            for group in GROUPS
        ),
        required("_batch_id", "bigint", "Ingest batch with which the row became known"),
    )
)

TOMBSTONES = Schema(
    (
        required(KEY, "string", "Customer number of the operator", sensitivity="restricted"),
        required("feed", "string", "Feed whose record of the customer was deleted"),
        required("deleted_at", "timestamp", "Event time of the deletion, UTC"),
        Field("sequence", "string", "Place of the deletion in the log of its source; null where that gives none"),
        required(
            "is_last",
            "boolean",
            "Behind the deletion its file has no other change of the customer with the same sequence or time: it outranks "
            "those of other files",
        ),
        required("_batch_id", "bigint", "Ingest batch that brought the deletion"),
        Field(
            "reason",
            "string",
            "Why: deleted, as the source says, or absent from a snapshot, a full picture of the feed; null in rows of earlier "
            "builds, which are deleted",
            values=("deleted", "absent"),
        ),
    )
)

QUARANTINE = Schema(
    (
        required("record_id", "string", "Identity of the quarantined record: hash of feed, batch, file and content"),
        required("feed", "string", "Feed that the record belongs to"),
        Field(KEY, "string", "Customer number, where it could be read", sensitivity="restricted"),
        required(
            "reasons",
            "array<string>",
            "Every violation: the rules that the record breaks",
            sensitivity="restricted",  # a violation shows what was received
        ),
        required("source_file", "string", "Path of the file below the raw folder"),
        Field(
            "raw_record",
            "string",
            "The record as received: the raw line, or its columns as JSON; of a text above 65,536 characters the beginning, bronze has it whole",
            sensitivity="restricted",
        ),
        required("occurrences", "bigint", "Number of identical records in the file"),
        required("event_at", "timestamp", "Event time of the record, UTC; of its file where it has no valid one"),
        required("batch_id", "bigint", "Ingest batch that brought the record"),
        required("ingested_at", "timestamp", "When the batch was read, UTC"),
        required("status", "string", "open or resolved", values=("open", "resolved")),
        Field("resolved_by_batch", "bigint", "Ingest batch whose valid record resolved this one"),
    )
)
