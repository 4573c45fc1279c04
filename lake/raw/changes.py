"""Records of change data capture in JSON: the record inside its envelope."""

import json
from datetime import UTC, datetime

from lake.raw.json_records import JsonRecord
from lake.raw.records import Fault

_IMAGES = ("after", "before")
_COMMITTED, _POSITION = "commit_timestamp", "change_seq"
"""Headers that outrank what the record may have of its own, such as a column `sequence`."""


def is_marker(found: JsonRecord | Fault) -> bool:
    """Return whether it is the null that Debezium sends behind a deletion, for Kafka alone."""
    return isinstance(found, Fault) and found.received.strip() == "null"


def unwrapped(found: JsonRecord | Fault) -> JsonRecord | Fault:
    """Return the record of an envelope as Debezium writes it, with its operation, place in the log and time; others as they are.

    The image after the change counts, of a deletion the one before. An envelope with neither, as of a TRUNCATE, is a fault.
    """
    if isinstance(found, Fault):
        return found
    envelope = _inner(found.get("payload")) or found
    if "op" not in envelope or not any(name in envelope for name in _IMAGES):
        return found
    image = next((inner for name in _IMAGES if (inner := _inner(envelope.get(name)))), None)
    if image is None:
        return Fault(
            "a change without an image of a record, as of a TRUNCATE: deliver the full load again", json.dumps(found)
        )
    source = _inner(envelope.get("source")) or {}
    time = source.get("ts_ms") or envelope.get("ts_ms")
    return image | {"op": envelope["op"]} | _given(_POSITION, _position(source)) | _given(_COMMITTED, _moment(time))


def _position(source: JsonRecord) -> str | None:
    """Where a change is in the log of its source: PostgreSQL's, SQL Server's or Oracle's number, MySQL's file and place."""
    if source.get("file") and source.get("pos"):
        return f"{source['file']}:{source['pos']}"
    return next((source[name] for name in ("lsn", "change_lsn", "scn") if source.get(name)), None)


def _given(name: str, value: str | None) -> JsonRecord:
    return {} if value is None else {name: value}


def _inner(text: str | None) -> JsonRecord | None:
    """The object that a value is, its values as text; None where it is none."""
    if not text or not text.startswith("{"):
        return None
    try:
        found = json.loads(text, parse_int=str, parse_float=str)
    except ValueError:
        return None
    return {name: _text(value) for name, value in found.items()}


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _moment(milliseconds: str | None) -> str | None:
    try:
        return datetime.fromtimestamp(int(milliseconds or "") / 1000, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None
