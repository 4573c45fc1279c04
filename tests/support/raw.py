"""Raw content through the reader, whole or in small parts."""

import io
from collections.abc import Collection

from lake.raw.container import content
from lake.raw.reader import Records, read_records
from lake.raw.records import DEFAULT_LIMITS, Fault, Limits


def reader(
    data: bytes, *, required: Collection[str] = (), limits: Limits = DEFAULT_LIMITS, part: int | None = None
) -> Records:
    """The records of a file's bytes; `part` splits its content into pieces of that many bytes."""
    if part is None:
        return read_records(lambda: content(io.BytesIO(data)), required, limits)
    return read_records(lambda: (data[at : at + part] for at in range(0, len(data), part)), required, limits)


def read(data: bytes | str, **options) -> list:
    """All records: fields of CSV, objects of JSON, faults."""
    found = reader(data if isinstance(data, bytes) else data.encode(), **options)
    return list(found.rows if found.objects is None else found.objects)


def good(records: list) -> list:
    return [record for record in records if not isinstance(record, Fault)]


def faults(records: list) -> list[tuple[str, str]]:
    return [(record.reason, record.received) for record in records if isinstance(record, Fault)]
