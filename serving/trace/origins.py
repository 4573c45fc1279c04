"""Which record each value of silver comes from, and what became of all other records.

Silver's own row says the event time and the place in the log of every group; the record that has them is the origin.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from contract.feeds import FEEDS, GROUPS, Group
from serving.trace.records import Delivered, Order, Record, order
from serving.trace.rows import CustomerRows, Row

Outcome = Literal[
    "contributes", "deletes", "superseded", "deleted", "quarantined", "before-image", "left out", "pending", "unclear"
]
_OUTCOMES: tuple[Outcome, ...] = ("contributes", "deletes", "unclear", "superseded", "deleted")


@dataclass(frozen=True)
class Origin:
    """Where a group of columns comes from: the numbers of the `records`, several where they are equal.

    `is_deleted` says that these have deleted it. `values` are silver's. `place_in_log` is silver's too, None where the source
    of the values has none. No record: bronze has none with this event time and place.
    """

    group: str
    event_at: datetime
    place_in_log: str | None
    is_deleted: bool
    values: Mapping[str, Any]
    records: tuple[int, ...]

    @property
    def order(self) -> Order:
        """Return how its version compares with others."""
        return order(self.place_in_log, self.event_at)


@dataclass(frozen=True)
class Fate:
    """What became of a record, by group where it counts: `groups` has the outcome of each, `by` the records in its place."""

    number: int
    outcome: Outcome
    groups: Mapping[str, Outcome]
    by: Mapping[str, tuple[int, ...]]


def counted(found: Sequence[Record], left_out: Collection[Delivered], until_batch: int | None) -> list[Record]:
    """Return the records that silver compares: of batches up to `until_batch`, of no delivery that is left out."""
    return [record for record in found if _left_aside(record, left_out, until_batch) is None]


def origins(rows: CustomerRows, compared: Sequence[Record]) -> list[Origin]:
    """Return where each group comes from that silver has, or that was deleted, in the order of the columns."""
    found = (_of_values(group, rows.silver, compared) or _of_deletion(group, rows, compared) for group in GROUPS)
    return [origin for origin in found if origin is not None]


def fates(
    found: Sequence[Record], known: Sequence[Origin], left_out: Collection[Delivered], until_batch: int | None
) -> list[Fate]:
    """Return what became of every record, given the origins of all groups."""
    by_group = {origin.group: origin for origin in known}
    return [_fate(record, by_group, _left_aside(record, left_out, until_batch)) for record in found]


def _left_aside(record: Record, left_out: Collection[Delivered], until_batch: int | None) -> Outcome | None:
    """Why a record counts for nothing, None where it counts."""
    if record.is_before_image:
        return "before-image"
    if record.reasons:
        return "quarantined"
    if record.delivery in left_out:
        return "left out"
    return "pending" if until_batch is not None and record.batch > until_batch else None


def _of_values(group: Group, silver: Row | None, compared: Sequence[Record]) -> Origin | None:
    at = None if silver is None else silver[group.event_column]
    if silver is None or at is None:
        return None
    place = dict(silver.get("_sequences") or ()).get(group.name)
    having = [r for r in compared if group.name in r.groups and not r.is_deletion and r.order == order(place, at)]
    values = {name: silver[name] for name in group.columns}
    return Origin(group.name, at, place, is_deleted=False, values=values, records=_newest(having))


def _of_deletion(group: Group, rows: CustomerRows, compared: Sequence[Record]) -> Origin | None:
    stones = [stone for stone in rows.tombstones if group in FEEDS[stone["feed"]].groups]
    if not stones:
        return None
    last = max(stones, key=lambda stone: (*order(stone["sequence"], stone["deleted_at"]), stone["_batch_id"]))
    having = [record for record in compared if brought(record, last)]
    at, place = last["deleted_at"], last["sequence"]
    return Origin(group.name, at, place, is_deleted=True, values={}, records=_newest(having))


def brought(record: Record, tombstone: Row) -> bool:
    """Return whether the record is the deletion that a tombstone remembers."""
    place = (tombstone["sequence"] or "").partition("|")[0]
    is_of = (record.feed, record.batch) == (tombstone["feed"], tombstone["_batch_id"])
    return record.is_deletion and is_of and record.order == order(place, tombstone["deleted_at"])


def _newest(having: Sequence[Record]) -> tuple[int, ...]:
    last = max((record.arrival for record in having), default=None)
    return tuple(record.number for record in having if record.arrival == last)


def _fate(record: Record, by_group: Mapping[str, Origin], left_aside: Outcome | None) -> Fate:
    if left_aside is not None:
        return Fate(record.number, left_aside, {}, {})
    groups = {name: _outcome(record, by_group.get(name)) for name in record.groups}
    by = {name: by_group[name].records for name, outcome in groups.items() if outcome in ("superseded", "deleted")}
    main: Outcome = next((outcome for outcome in _OUTCOMES if outcome in groups.values()), "unclear")
    return Fate(record.number, main, groups, by)


def _outcome(record: Record, origin: Origin | None) -> Outcome:
    if origin is None or record.order is None:
        return "unclear"
    if record.number in origin.records:
        return "deletes" if origin.is_deleted else "contributes"
    if record.order > origin.order:
        return "unclear"
    return "deleted" if origin.is_deleted and not record.is_deletion else "superseded"
