"""Random histories of customers, and which values win in them: an oracle in plain Python."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from contract.columns import COLUMNS, KEY
from contract.feeds import FEEDS, GROUPS
from contract.schemas.silver import CUSTOMERS, HISTORY
from contract.sources import DELETE, UPSERT
from tests.spark.frames import in_utc

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCHES, RUNS = 4, 3
OPTIONAL = tuple(column.name for column in COLUMNS if not column.required)
AS_GENERATED = settings(deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
SINCE = tuple(group.event_column for group in GROUPS)
NEVER = 900
"""A day after every ingestion: an earlier release took such ones from the names of files."""


@dataclass(frozen=True)
class Delivery:
    """A record of one customer: days count from START, `own_day` is None without an event time of its own."""

    feed: str
    batch: int
    file: str
    file_day: int
    own_day: int | None
    number: int
    absent: frozenset[str]
    is_valid: bool
    operation: str | None = None
    sequence: int | None = None
    position: int = 1
    is_last: bool = False

    @property
    def event_at(self) -> datetime:
        if self.own_day is not None and self.is_valid:
            return START + timedelta(days=self.own_day)
        return ingested_at(self.batch) if self.file_day == NEVER else START + timedelta(days=self.file_day)

    @property
    def own_time(self) -> str | None:
        """What the record has as its event time; of a faulty one that is a spreadsheet's day 0."""
        if not self.is_valid:
            return "1899-12-30"
        return None if self.own_day is None else day_text(self.own_day)

    @property
    def name(self):
        return f"{self.file} {self.feed}{' changes' if self.operation else ''}"

    @property
    def in_log(self):
        """The place in the log of the source; a deletion that is the last of its number is behind the others of other files."""
        return "" if self.sequence is None else f"{self.sequence:064d}{'|D' if self.is_last else ''}"

    @property
    def moment(self):
        """What changes of one file have in common that happened at once: their number, else their time."""
        return self.batch, self.name, self.event_at if self.sequence is None else self.sequence

    @property
    def order(self):
        return (
            self.in_log,
            self.event_at,
            self.is_last,
            self.batch,
            f"{self.name}#{self.position:012d}" if self.operation else self.name,
        )


def ingested_at(batch):
    return START + timedelta(days=10, hours=batch)


def day_text(day):
    return f"{START + timedelta(days=day):%Y-%m-%d}"


@st.composite
def histories(draw, with_changes):
    """Deliveries of one customer, and the run of silver that takes each batch; `with_changes` some are of a database's log."""
    runs = sorted(draw(st.lists(st.integers(1, RUNS), min_size=BATCHES, max_size=BATCHES)))
    file_days, logged, positions, deliveries = {}, {}, Counter(), []
    for _ in range(draw(st.integers(1, 7))):
        feed, batch = draw(st.sampled_from(["customers", *FEEDS])), draw(st.integers(1, BATCHES))
        file = draw(st.sampled_from("ab"))
        file_day = file_days.setdefault((feed, batch, file), draw(st.sampled_from([1, 2, 2, 3, NEVER])))
        own_day = draw(st.sampled_from([None, None, 1, 2, 3]))
        absent = draw(st.sampled_from([(), (), OPTIONAL, ("city",), ("churn_reason", "city"), ("source_cltv",)]))
        number, is_valid = draw(st.integers(0, 30)), draw(st.sampled_from([True] * 5 + [False]))
        operation = draw(st.sampled_from([None, None, None, UPSERT, DELETE])) if with_changes else None
        found = Delivery(feed, batch, file, file_day, own_day, number, frozenset(absent), is_valid, operation)
        if operation:
            has_log = logged.setdefault((feed, batch, file), draw(st.booleans()))
            positions[found.name, batch] += 1
            sequence = draw(st.integers(1, 4)) if has_log else None
            found = replace(found, sequence=sequence, position=positions[found.name, batch])
        deliveries.append(found)
    return dict(enumerate(runs, start=1)), deliveries


def many_histories(count, *, with_changes=True):
    """Lists of different histories: the first one that Hypothesis makes repeats the simplest."""
    found = st.lists(histories(with_changes), min_size=count, max_size=count)
    return found.filter(lambda one: len(set(map(repr, one))) > 0.9 * count)


def _value(column, number):
    """The text that a delivery has for a column, and what it means."""
    place = COLUMNS.index(column)
    if not column.required and (number + place) % 5 == 0:
        return "", None
    if column.type == "boolean":
        answer = bool(number >> place % 5 & 1)
        return ("Yes", True) if answer else ("No", False)
    if column.values:
        value = list(column.values)[(number + place) % len(column.values)]
        return value, value
    if column.is_number:
        exact = Decimal(number) if column.type in ("int", "double") else Decimal(number) + Decimal("0.25")
        return str(exact), {"int": int, "double": float}.get(column.type, Decimal)(exact)
    return f"{column.name} {number}", f"{column.name} {number}"


def texts(delivery):
    attributes = FEEDS[delivery.feed].attributes
    return {c.name: _value(c, delivery.number)[0] for c in attributes if c.name not in delivery.absent}


def _says_something(delivery, column):
    if column not in FEEDS[delivery.feed].attributes:
        return False
    return delivery.operation == DELETE or column.name not in delivery.absent


def _counted(deliveries):
    """The deliveries that count: valid ones that nothing of the same order contradicts."""
    last = {d.moment: d.operation for d in sorted(deliveries, key=lambda d: d.position)}
    deliveries = [replace(d, is_last=d.operation == DELETE == last[d.moment]) for d in deliveries]
    told = {}
    for delivery in deliveries:
        told.setdefault((delivery.feed, delivery.order), set()).add(tuple(texts(delivery).items()))
    return [d for d in deliveries if d.is_valid and len(told[d.feed, d.order]) == 1]


def expected_row(customer, deliveries):
    """Every column from the newest valid record that has it, by log, time, batch and file; contradicting records left out.

    A deletion takes every column of its feed away, until a newer record brings it back.
    """
    valid = _counted(deliveries)
    row, batches, required, sequences = {KEY: customer}, [], [], {}
    for column in COLUMNS:
        newest = max((d for d in valid if _says_something(d, column)), key=lambda d: d.order, default=None)
        newest = newest if newest and newest.operation != DELETE else None
        group = column.part if column.required else column.name
        row[column.name] = _value(column, newest.number)[1] if newest else None
        row[f"_{group}_at"] = newest.event_at if newest else None
        batches += [newest.batch] if newest else []
        required += [newest is not None] if column.required else []
        sequences |= {group: newest.in_log} if newest and newest.in_log else {}
    rest = {"is_complete": all(required), "_batch_id": max(batches, default=-1), "_sequences": sequences or None}
    return row | rest if batches else None


def expected_history(customer, deliveries):
    """The rows of the history: for each batch what is held to be true after it, a row per change; the same one is told once."""
    valid = _counted(deliveries)
    batches = sorted({d.batch for d in valid})
    told = {}
    for place, batch in enumerate(batches):
        believed = _believed(customer, [d for d in valid if d.batch <= batch])
        for row in believed:
            identity = row["valid_from"], *(row[column.name] for column in COLUMNS), row["is_complete"]
            known = told.get(identity)
            if known is None or known[-1]["_last"] < place - 1:
                recorded = {"recorded_from": ingested_at(batch), "_batch_id": batch}
                told.setdefault(identity, []).append(row | recorded | {"_last": place})
            else:
                later = {name: row[name] for name in ("valid_to", "change", "changed_columns", *SINCE)}
                known[-1] |= later | {"_last": place}
    rows = []
    for row in (row for rows in told.values() for row in rows):
        is_held = row["_last"] == len(batches) - 1
        ended = None if is_held else ingested_at(batches[row["_last"] + 1])
        rows.append(row | {"recorded_to": ended, "is_current": is_held and row["valid_to"] is None})
    return {(row["valid_from"], row["_batch_id"]): {name: row[name] for name in HISTORY.names} for row in rows}


def _believed(customer, valid):
    """A row for each time at which the customer changed, as these deliveries tell it."""
    rows = []
    for moment in sorted({d.event_at for d in valid}):
        row = {KEY: customer, "valid_from": moment, "valid_to": None}
        present = []
        for column in COLUMNS:
            until = [d for d in valid if d.event_at <= moment and _says_something(d, column)]
            newest = max(until, key=lambda d: d.order, default=None)
            newest = newest if newest and newest.operation != DELETE else None
            row[column.name] = _value(column, newest.number)[1] if newest else None
            present += [newest is not None] if column.required else []
        row["is_complete"] = all(present)
        values = {column.name: row[column.name] for column in COLUMNS}
        before = rows[-1] if rows else None
        changed = [name for name, value in values.items() if before is None or before[name] != value]
        if (before and not changed) or (not before and all(value is None for value in values.values())):
            continue
        for column in COLUMNS:
            group = column.part if column.required else column.name
            began = moment if column.name in changed and (before or row[column.name] is not None) else None
            row[f"_{group}_at"] = began or row.get(f"_{group}_at") or (before or {}).get(f"_{group}_at")
        is_deleted = all(value is None for value in values.values())
        was_deleted = before is not None and before["change"] == "deleted"
        kind = "new" if before is None else "returned" if was_deleted else "changed"
        row["change"] = "deleted" if is_deleted else kind
        row["changed_columns"] = changed if row["change"] == "changed" else []
        if before:
            before["valid_to"] = moment
        rows.append(row)
    return rows


def assert_same(found, expected, customers):
    """Both say the same of every customer, else the shortest history that differs is shown."""
    wrong = [name for name in customers if found.get(name) != expected.get(name)]
    if wrong:
        name = min(wrong, key=lambda name: len(repr(customers[name])))
        sides = [rows.get(name) or {} for rows in (found, expected)]
        differing = {c: [side.get(c) for side in sides] for c in CUSTOMERS.names if sides[0].get(c) != sides[1].get(c)}
        pytest.fail(f"{len(wrong)} differ; {customers[name]}: found and expected {differing}", pytrace=False)


def assert_same_history(rows, expected, customers):
    """The history of every customer is as expected, else the shortest one that differs is shown."""
    found = {name: {} for name in customers}
    for row in map(in_utc, rows.collect()):
        key = row["valid_from"], row["_batch_id"]
        assert key not in found[row[KEY]], "two rows of one key"
        found[row[KEY]][key] = row
    if wrong := [name for name in customers if found[name] != expected[name]]:
        name = min(wrong, key=lambda name: len(repr(customers[name])))
        sides = found[name], expected[name]
        differing = [
            (key, {c: [side.get(key, {}).get(c) for side in sides] for c in HISTORY.names})
            for key in sorted({*sides[0], *sides[1]})
            if sides[0].get(key) != sides[1].get(key)
        ]
        shown = [(key, {c: v for c, v in both.items() if v[0] != v[1]}) for key, both in differing]
        pytest.fail(f"{len(wrong)} differ; {customers[name]}: found and expected {shown}", pytrace=False)
