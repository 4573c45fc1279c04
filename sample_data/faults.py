"""Faulty records of every kind that the pipeline must quarantine, as lines of a feed's file."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from contract.defaults import MAX_QUARANTINED_SHARE

Record = dict[str, object]


@dataclass(frozen=True)
class Fault:
    """One kind of fault: the feed that contains it, and how it changes a record.

    `spoil` turns a valid record into faulty lines, as bytes; `rows` is how many records of the
    file are quarantined because of it.
    """

    name: str
    feed: str
    spoil: Callable[[Record], list[bytes]]
    rows: int = 1


def _with(**changes: object) -> Callable[[Record], list[bytes]]:
    return lambda record: [as_json({**record, **changes})]


def as_json(record: Record) -> bytes:
    """Return one JSON line; missing values left out."""
    present = {key: value for key, value in record.items() if value is not None}
    return json.dumps(present, ensure_ascii=False, default=lambda value: value.item()).encode()


def as_csv(record: Record) -> bytes:
    """Return one CSV line, without quotes; missing values empty."""
    return ",".join("" if value is None else str(value) for value in record.values()).encode()


def _twice(record: Record) -> list[bytes]:
    return [as_json(record), as_json({**record, "monthly_charges": 99.99})]


def _bad_bytes(record: Record) -> list[bytes]:
    return [as_csv({**record, "city": "@"}).replace(b"@", b"Montr\xe9al")]


FAULTS = (
    Fault("tenure is no number", "billing", _with(tenure_months="abc")),
    Fault("tenure is negative", "billing", _with(tenure_months=-1)),
    Fault("charges are negative", "billing", _with(monthly_charges=-5)),
    Fault("charges are absurd", "billing", _with(monthly_charges=987654321)),
    Fault("id is missing", "billing", _with(customer_id=None)),
    Fault("same id twice, different values", "billing", _twice, rows=2),
    Fault("churn is neither yes nor no", "billing", _with(churn="Maybe")),
    Fault("unknown category", "services", _with(internet_service="Carrier pigeon")),
    Fault("broken JSON", "services", lambda record: [as_json(record)[:-20]]),
    Fault("wrong number of fields", "demographics", lambda record: [as_csv(record) + b",one,too,many"]),
    Fault("invalid UTF-8", "demographics", _bad_bytes),
)


def usual_faults(customers: int) -> int:
    """Return how many faulty records of each kind a first delivery has by default: as many that no file is held."""
    rows = Counter[str]()
    for fault in FAULTS:
        rows[fault.feed] += fault.rows
    most = max(rows.values())
    fitting = (count for count in (2, 1) if count * most <= MAX_QUARANTINED_SHARE * (customers + count * most))
    return next(fitting, 0)
