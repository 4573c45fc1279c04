"""Records of bronze, with what silver takes from them: event time, place in the log of their source, groups of columns."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contract.columns import COLUMN, EVENT_TIME
from contract.feeds import FEEDS, Feed
from contract.sources import BEFORE, DELETE
from lake.event_time import EARLIEST, TOLERANCE
from serving.trace.rows import CustomerRows, Row
from transforms.received_value import carried, event_time, is_blank, sequence

TimeOrigin = Literal["record", "file", "ingestion"]
Order = tuple[str, datetime]
Delivered = tuple[int, str]
_Content = tuple[str, int, str, str]


@dataclass(frozen=True)
class Record:
    """A record of the customer in bronze, with a `number` by which other parts of the trace name it.

    `position` is its number in the file, None in rows of release 0.1.0. `event_from` says where its event time comes from;
    the time is None where only Spark can read it. `place_in_log` is `sequence` as silver compares it. `values` are the
    columns as received, `groups` those of silver of which it says something, `reasons` why it is quarantined,
    `record_id` that of silver.quarantine.
    """

    number: int
    feed: str
    batch: int
    file: str
    position: int | None
    event_at: datetime | None
    event_from: TimeOrigin
    operation: str | None
    sequence: str | None
    place_in_log: str | None
    values: Mapping[str, str]
    groups: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    record_id: str | None = None

    @property
    def delivery(self) -> Delivered:
        """Return the batch and the file that brought it."""
        return self.batch, self.file

    @property
    def is_before_image(self) -> bool:
        """Return whether it is the image of a record before a change."""
        return self.operation == BEFORE

    @property
    def is_deletion(self) -> bool:
        """Return whether it says that the record was deleted in its source."""
        return self.operation == DELETE

    @property
    def order(self) -> Order | None:
        """Return how versions compare first (see `transforms.silver`); None where the event time is not known."""
        return None if self.event_at is None else order(self.place_in_log, self.event_at)

    @property
    def arrival(self) -> tuple[int, str]:
        """Return how versions of the same order compare: records that are states in one file are equal."""
        is_change = self.operation is not None or self.sequence is not None
        return self.batch, f"{self.file}#{self.position:012}" if is_change and self.position else self.file


def order(place_in_log: str | None, at: datetime) -> Order:
    """Return how a version with this place in the log of its source and this event time compares with others."""
    return place_in_log or "", at


def records(rows: CustomerRows, lacking: Mapping[Delivered, Collection[str]]) -> list[Record]:
    """Return all records of bronze in the order of their batches.

    `lacking` has the columns that the file of a delivery lacks, where bronze does not tell these from blank ones.
    """
    received = [(FEEDS[feed], row) for feed, found in rows.bronze.items() for row in found]
    received.sort(key=lambda pair: (pair[1]["_batch_id"], pair[1]["_source_file"], pair[1].get("_position") or 0))
    quarantined = {_content(row): row for row in rows.quarantine}
    return [
        _record(number, feed, row, quarantined, lacking.get((row["_batch_id"], row["_source_file"])))
        for number, (feed, row) in enumerate(received, 1)
    ]


def _record(
    number: int, feed: Feed, row: Row, quarantined: Mapping[_Content, Row], lacks: Collection[str] | None
) -> Record:
    values = {name: row[name] for name in (*feed.columns, "_rescued_data") if row.get(name) is not None}
    found = quarantined.get((feed.name, row["_batch_id"], row["_source_file"], _comparable(values)))
    if lacks is not None:
        blank = (name for name in feed.optional if name in COLUMN and name not in lacks)
        values = {**dict.fromkeys(blank, ""), **values}
    at, origin = _event_time(row, found)
    says_all = row.get("_operation") == DELETE
    return Record(
        number,
        feed.name,
        row["_batch_id"],
        row["_source_file"],
        row.get("_position"),
        at,
        origin,
        row.get("_operation"),
        row.get("_sequence"),
        sequence(row.get("_sequence")),
        values,
        tuple(group.name for group in feed.groups if says_all or any(name in values for name in group.columns)),
        tuple(found["reasons"]) if found else (),
        found["record_id"] if found else None,
    )


def _event_time(row: Row, quarantined: Row | None) -> tuple[datetime | None, TimeOrigin]:
    """The event time, and where it comes from; that of a quarantined record, whose own may be none, is known to silver.

    An own time that cannot be one would be a violation, so of other records it counts.
    """
    own, of_file = event_time(carried(row.get(EVENT_TIME))), row["_file_event_at"]
    if quarantined is not None:
        at = quarantined["event_at"]
        return at, "record" if at == own else "file" if at == of_file else "ingestion"
    if own is not None or not is_blank(row.get(EVENT_TIME)):
        return own, "record"
    is_in_time = EARLIEST <= of_file <= row["_ingested_at"] + TOLERANCE
    return (of_file, "file") if is_in_time else (row["_ingested_at"], "ingestion")


def _content(row: Row) -> _Content:
    try:
        values = json.loads(row["raw_record"])
    except ValueError:  # a line that could not be parsed
        values = {}
    return row["feed"], row["batch_id"], row["source_file"], _comparable(values)


def _comparable(values: Mapping[str, str]) -> str:
    """Received values as one text, as the quarantine has them, in whichever order."""
    return json.dumps({name: carried(value) for name, value in values.items() if value}, sort_keys=True)
