"""Records of raw files as rows of bronze: text as received, in Arrow batches."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from contract.columns import EVENT_TIME, KEY, NULL_WORDS
from contract.feeds import Feed, column_for_header, normalize_header
from contract.sources import (
    APPEND,
    BEFORE,
    DELETE,
    Source,
    commit_time_header,
    is_date,
    is_deletion_flag,
    is_key_before,
    is_operation,
    operation,
    sequence_header,
)
from lake.raw.json_records import JsonRecord
from lake.raw.reader import Records
from lake.raw.records import Fault

Row = Sequence[str | None]
_Columns = dict[str, Sequence[str | None] | None]
CHANGE_COLUMNS = ("_operation", "_sequence")
_BATCH_BYTES = 4 * 1024 * 1024  # of a file's content
_MOST_MEANINGS = 1024  # kept: objects of a file may have any keys
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def row_schema(feed: Feed) -> pa.Schema:
    """Return the columns of a row: `_position`, a number from 1 on, and as text the others of bronze and those of the feed."""
    texts = ("_parse_error", "_rescued_data", *CHANGE_COLUMNS, *feed.columns)
    return pa.schema([("_position", pa.int64()), *((name, pa.string()) for name in texts)])


def row_batches(
    records: Records, feed: Feed, bytes_read: Callable[[], int], source: Source = APPEND
) -> Iterator[pa.RecordBatch]:
    """Yield a row for every record, faults in batches of their own.

    A column that a record lacks is null, one that is blank is "". What the feed has no column for is rescued as JSON.
    Of a `source` of changes `_operation` and `_sequence` say what happened, and when in its log. `bytes_read` returns how
    much of the content has been read so far: that limits a batch, and so the memory.
    """
    is_change = source.kind == "cdc"
    places = _places_in_objects(feed) if records.objects else _places_in_fields(records.layout.headers, feed, is_change)
    taken, read = _Taken(places, row_schema(feed)), bytes_read()
    objects = _object_rows(records.objects, feed, is_change) if records.objects else None
    for row in objects or _with_old_keys(records.rows, places):
        taken.add(row)
        if bytes_read() - read >= _BATCH_BYTES:
            yield from taken.batches()
            read = bytes_read()
    yield from taken.batches()


@dataclass(frozen=True)
class _Meaning:
    """What headers mean: the columns of the feed and, of changes, what happened, the key before and the time of the commit.

    Of a change the time of its commit counts, not one that the record has.
    """

    columns: Mapping[str, str]
    operations: tuple[str, ...] = ()
    old_keys: tuple[str, ...] = ()
    has_commit_time: bool = False


@dataclass(frozen=True)
class _Places:
    """Where a row has the columns of the feed and what is to be rescued: columns by name, or one that is JSON already.

    `operations` are those of columns that say what happened to a record, by header; `old_key` is that of the key before.
    """

    columns: dict[str, int]
    unknown: dict[str, int]
    rescued: int | None = None
    operations: dict[str, int] = field(default_factory=dict)
    old_key: int | None = None
    has_commit_time: bool = False


def _places_in_fields(headers: Sequence[str], feed: Feed, is_change: bool) -> _Places:
    columns: dict[str, int] = {}
    unknown: dict[str, int] = {}
    operations: dict[str, int] = {}
    old_key = None
    meaning = _meaning_of(headers, feed, is_change)
    for place, header in enumerate(headers):
        if header in meaning.operations:
            operations[header] = place
        elif header in meaning.old_keys:
            old_key = place
        elif header in meaning.columns:
            columns[meaning.columns[header]] = place
        elif header.strip():
            unknown[header if header not in unknown else f"{header} ({place + 1})"] = place
    return _Places(columns, unknown, None, operations, old_key, meaning.has_commit_time)


def _with_old_keys(rows: Iterable[list[str] | Fault], places: _Places) -> Iterator[list[str] | Fault]:
    """The rows, and before one whose key has changed the deletion of the record with the old key."""
    before, key = places.old_key, places.columns.get(KEY)
    for row in rows:
        if before is not None and key is not None and not isinstance(row, Fault) and _is_key(row[before], row[key]):
            deletion = [*row]
            deletion[key] = row[before]
            for place in places.operations.values():
                deletion[place] = "D"
            yield deletion
        yield row


def _is_key(before: str | None, now: str | None) -> bool:
    """Whether `before` is a key, and another one; what only looks different is deleted, and there again with its next row."""
    return bool(before and before != now and before.strip().lower() not in ("", *NULL_WORDS))


def _of_old_key(record: JsonRecord, meaning: _Meaning) -> JsonRecord | None:
    """The deletion of the record with the old key, where the key has changed."""
    keys = [key for key, column in meaning.columns.items() if column == KEY]
    if not meaning.old_keys or not keys:
        return None
    before = record[meaning.old_keys[0]]
    if not _is_key(before, record[keys[0]]):
        return None
    return record | dict.fromkeys(keys, before) | dict.fromkeys(meaning.operations, "D")


def _places_in_objects(feed: Feed) -> _Places:
    columns = (*feed.columns, *CHANGE_COLUMNS)
    return _Places({column: place for place, column in enumerate(columns)}, {}, len(columns))


def _meaning_of(headers: Sequence[str], feed: Feed, is_change: bool) -> _Meaning:
    named = {header: column for header in headers if (column := column_for_header(header)) and column in feed.columns}
    if not is_change:
        return _Meaning(named)
    committed, sequence = commit_time_header(tuple(headers)), sequence_header(tuple(headers))
    if committed:
        named = {header: column for header, column in named.items() if column != EVENT_TIME} | {committed: EVENT_TIME}
    return _Meaning(
        named | ({sequence: "_sequence"} if sequence else {}),
        tuple(filter(is_operation, headers)),
        tuple(filter(is_key_before, headers)),
        committed is not None,
    )


def _object_rows(objects: Iterable[JsonRecord | Fault], feed: Feed, is_change: bool) -> Iterator[Row | Fault]:
    """Rows with the feed's columns in their order, what happened, and the rest of the object as JSON."""
    meanings: dict[tuple[str, ...], _Meaning] = {}
    for record in objects:
        if isinstance(record, Fault):
            yield record
            continue
        keys = tuple(record)
        if keys not in meanings:
            if len(meanings) > _MOST_MEANINGS:
                meanings.clear()
            meanings[keys] = _meaning_of(keys, feed, is_change)
        if deletion := _of_old_key(record, meanings[keys]):
            yield _object_row(deletion, feed, meanings[keys])
        yield _object_row(record, feed, meanings[keys])


def _object_row(record: JsonRecord, feed: Feed, meaning: _Meaning) -> Row | Fault:
    values: dict[str, str] = {}
    unknown: JsonRecord = {}
    operations: dict[str, str] = {}
    for key, value in record.items():
        column = meaning.columns.get(key)
        if column is None and key in meaning.operations:
            operations[key] = value or ""
        elif column is None and key in meaning.old_keys:
            continue
        elif column is None and value is not None and is_operation(key):
            return Fault(
                f"{normalize_header(key)} says what happened to the record, which is not ingested", _as_json(record)
            )
        elif column is None:
            unknown[key] = value
        elif value and values.get(column, value) != value and values[column]:
            return Fault(f"several keys mean {column}, with different values", _as_json(record))
        elif value or column not in values:
            values[column] = value or ""
    if operations:
        values["_operation"] = _operation(operations)
        if values["_operation"] == DELETE and not meaning.has_commit_time:
            values[EVENT_TIME] = _deletion_time(operations, values.get(EVENT_TIME))
    columns = (*feed.columns, *CHANGE_COLUMNS)
    return [*map(values.get, columns), _as_json(unknown) if unknown else None]


def _operation(received: Mapping[str, str | None]) -> str:
    """What happened to a record by all columns that say it: an image before a change says no more, else one may delete it."""
    said = [operation(header, value or "") for header, value in received.items()]
    return next((word for word in (BEFORE, DELETE) if word in said), said[0])


def _deletion_time(received: Mapping[str, str | None], own: str | None) -> str:
    """When a record was deleted, of a source without times of commits; blank where only its file can say it.

    A time that the record has of its own is that of a change before, unless the deletion was a change of the record too:
    of its flag.
    """
    flags = {h: v or "" for h, v in received.items() if is_deletion_flag(h) and operation(h, v or "") == DELETE}
    return next(filter(is_date, flags.values()), (own or "") if flags else "")


class _Taken:
    """Rows and faults that have been read, by their position in the file."""

    def __init__(self, places: _Places, schema: pa.Schema) -> None:
        self._places = places
        self._schema = schema
        self._count = 0
        self._rows: dict[int, Row] = {}
        self._faults: dict[int, Fault] = {}

    def add(self, row: Row | Fault) -> None:
        """Take the next one."""
        self._count += 1
        if isinstance(row, Fault):
            self._faults[self._count] = row
        else:
            self._rows[self._count] = row

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield what has been taken since the last call."""
        if self._rows:
            fields = list(zip(*self._rows.values(), strict=True))
            columns: _Columns = {column: fields[place] for column, place in self._places.columns.items()}
            if operations := self._places.operations:
                columns |= self._happened(fields, operations)
            yield self._batch({**columns, "_rescued_data": _rescued(fields, self._places)}, list(self._rows))
        if self._faults:
            faults = self._faults.values()
            told: _Columns = {"_parse_error": [f.reason for f in faults], "_rescued_data": [f.received for f in faults]}
            yield self._batch(told, list(self._faults))
        self._rows, self._faults = {}, {}

    def _happened(self, fields: list[tuple[str | None, ...]], operations: Mapping[str, int]) -> _Columns:
        """What happened to each record and, where no column has the time of the commit, when it was deleted."""
        rows = zip(*(fields[place] for place in operations.values()), strict=True)
        received = [dict(zip(operations, row, strict=True)) for row in rows]
        happened = [_operation(row) for row in received]
        if self._places.has_commit_time:
            return {"_operation": happened}
        place = self._places.columns.get(EVENT_TIME)
        own: Sequence[str | None] = fields[place] if place is not None else [None] * len(received)
        every = zip(received, happened, own, strict=True)
        times = [_deletion_time(row, at) if what == DELETE else at for row, what, at in every]
        return {"_operation": happened, EVENT_TIME: times}

    def _batch(self, columns: _Columns, positions: list[int]) -> pa.RecordBatch:
        known: Mapping[str, Sequence[object] | None] = {**columns, "_position": positions}
        arrays = [
            pa.nulls(len(positions), field.type)
            if known.get(field.name) is None
            else pa.array(known[field.name], field.type)
            for field in self._schema
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _rescued(fields: Sequence[Row], places: _Places) -> Sequence[str | None] | None:
    if places.rescued is not None:
        return fields[places.rescued]
    if not places.unknown:
        return None
    values = zip(*(fields[place] for place in places.unknown.values()), strict=True)
    return [_as_json(dict(zip(places.unknown, row, strict=True))) for row in values]
