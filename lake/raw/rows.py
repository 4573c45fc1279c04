"""Records of raw files as rows of bronze: text as received, in Arrow batches."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from contract.feeds import Feed, column_for_header, is_operation, normalize_header
from lake.raw.json_records import JsonRecord
from lake.raw.reader import Records
from lake.raw.records import Fault

Row = Sequence[str | None]
_BATCH_BYTES = 4 * 1024 * 1024  # of a file's content
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def row_schema(feed: Feed) -> pa.Schema:
    """Return the columns of a row: `_parse_error`, `_rescued_data`, and those of the feed, all text."""
    return pa.schema([(name, pa.string()) for name in ("_parse_error", "_rescued_data", *feed.columns)])


def row_batches(records: Records, feed: Feed, bytes_read: Callable[[], int]) -> Iterator[pa.RecordBatch]:
    """Yield a row for every record, faults in batches of their own.

    A column that a record lacks is null, one that is blank is "". What the feed has no column for is rescued as JSON.
    `bytes_read` returns how much of the content has been read so far: that limits a batch, and so the memory.
    """
    places = _places_in_objects(feed) if records.objects else _places_in_fields(records.layout.headers, feed)
    schema, read = row_schema(feed), bytes_read()
    rows: list[Row] = []
    faults: list[Fault] = []
    for row in _object_rows(records.objects, feed) if records.objects else records.rows:
        if isinstance(row, Fault):
            faults.append(row)
        else:
            rows.append(row)
        if bytes_read() - read >= _BATCH_BYTES:
            yield from _batches(rows, faults, places, schema)
            rows, faults, read = [], [], bytes_read()
    yield from _batches(rows, faults, places, schema)


@dataclass(frozen=True)
class _Places:
    """Where a row has the columns of the feed and what is to be rescued: columns by name, or one that is JSON already."""

    columns: dict[str, int]
    unknown: dict[str, int]
    rescued: int | None = None


def _places_in_fields(headers: Sequence[str], feed: Feed) -> _Places:
    columns: dict[str, int] = {}
    unknown: dict[str, int] = {}
    for place, header in enumerate(headers):
        column = column_for_header(header)
        if column in feed.columns:
            columns[column] = place
        elif header.strip():
            unknown[header if header not in unknown else f"{header} ({place + 1})"] = place
    return _Places(columns, unknown)


def _places_in_objects(feed: Feed) -> _Places:
    return _Places({column: place for place, column in enumerate(feed.columns)}, {}, len(feed.columns))


def _object_rows(objects: Iterable[JsonRecord | Fault], feed: Feed) -> Iterator[Row | Fault]:
    """Rows with the feed's columns in their order, and the rest of the object as JSON."""
    column_by_key: dict[str, str | None] = {}
    for record in objects:
        yield record if isinstance(record, Fault) else _object_row(record, feed, column_by_key)


def _object_row(record: JsonRecord, feed: Feed, column_by_key: dict[str, str | None]) -> Row | Fault:
    values: dict[str, str] = {}
    unknown: JsonRecord = {}
    for key, value in record.items():
        column = column_by_key[key] if key in column_by_key else column_by_key.setdefault(key, _column(key, feed))
        if column is None and value is not None and is_operation(key):
            return Fault(
                f"{normalize_header(key)} says what happened to the record, which is not ingested", _as_json(record)
            )
        if column is None:
            unknown[key] = value
        elif value and values.get(column, value) != value and values[column]:
            return Fault(f"several keys mean {column}, with different values", _as_json(record))
        elif value or column not in values:
            values[column] = value or ""
    return [*map(values.get, feed.columns), _as_json(unknown) if unknown else None]


def _column(key: str, feed: Feed) -> str | None:
    column = column_for_header(key)
    return column if column in feed.columns else None


def _batches(
    rows: Sequence[Row], faults: Sequence[Fault], places: _Places, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    if rows:
        fields = list(zip(*rows, strict=True))
        columns = {column: fields[place] for column, place in places.columns.items()}
        yield _batch({**columns, "_rescued_data": _rescued(fields, places)}, len(rows), schema)
    if faults:
        received = [fault.received for fault in faults]
        yield _batch({"_parse_error": [f.reason for f in faults], "_rescued_data": received}, len(faults), schema)


def _batch(columns: Mapping[str, Sequence[str | None] | None], count: int, schema: pa.Schema) -> pa.RecordBatch:
    arrays = [
        pa.nulls(count, pa.string()) if columns.get(name) is None else pa.array(columns[name], pa.string())
        for name in schema.names
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _rescued(fields: Sequence[Row], places: _Places) -> Sequence[str | None] | None:
    if places.rescued is not None:
        return fields[places.rescued]
    if not places.unknown:
        return None
    values = zip(*(fields[place] for place in places.unknown.values()), strict=True)
    return [_as_json(dict(zip(places.unknown, row, strict=True))) for row in values]
