"""Deliveries that the quarantine gate holds or an operator has discarded: `<lake>/_control/deliveries.json`.

A delivery is one content of a file in one batch. One without a record here counts: the gate has let it pass.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from contract.errors import RawPathError
from lake.documents import Documents
from lake.manifests import Manifests
from lake.names import printable
from lake.register import FileEntry
from lake.storage import Folder

DeliveryState = Literal["held", "superseded", "discarded", "retry"]

_NAME = "deliveries"
_COMMON_VALUE = 5  # rows that share it: fewer may be one person's
_SHOWN_CHARACTERS = 30


@dataclass(frozen=True)
class Reason:
    """A rule that rows of a delivery break: `rule` in words, `rows` that break it, and an `example` of what they have.

    The example is masked unless many rows have it, so that it says how a value is written, and nothing of a person.
    """

    rule: str
    rows: int
    example: str = ""

    def sentence(self) -> str:
        """Return one phrase for a person."""
        example = f", e.g. {self.example!r}" if self.example else ""
        return f"{self.rows:,} × {self.rule}{example}"


@dataclass(frozen=True)
class Delivery:
    """A delivery that does not count, or is to be judged again.

    `rows` of it are in bronze, `quarantined` of them break rules; `limit` is the share (0 to 1) that was allowed.
    `since` and `run_id` say when it was held first.
    """

    path: str
    feed: str
    batch: int
    state: DeliveryState
    rows: int = 0
    quarantined: int = 0
    limit: float = 0
    reasons: tuple[Reason, ...] = ()
    since: str = ""
    run_id: str = ""

    @property
    def key(self) -> tuple[int, str]:
        """Return its identity: batch and path."""
        return self.batch, self.path

    def sentence(self) -> str:
        """Return why it is held, for a person."""
        share = (
            f"{self.quarantined:,} of {self.rows:,} rows are quarantined ({self.quarantined / max(1, self.rows):.1%}"
        )
        reasons = "; ".join(reason.sentence() for reason in self.reasons)
        return f"{share}, limit {self.limit:.1%}): {reasons}"


@dataclass(frozen=True)
class DeliveryList:
    """All deliveries with a record."""

    deliveries: tuple[Delivery, ...] = ()


class Deliveries:
    """The deliveries of one lake that are held, discarded, or to be judged again."""

    def __init__(self, lake: Folder) -> None:
        self._documents = Documents(lake / "_control", DeliveryList)

    def read(self) -> tuple[Delivery, ...]:
        """Return them, oldest first. Raises DamagedDocumentError: without the list, discarded rows would come back."""
        with suppress(FileNotFoundError):
            return self._documents.read(_NAME).deliveries
        return ()

    def write(self, deliveries: Iterable[Delivery]) -> None:
        """Replace the list. Raises LakeError."""
        self._documents.write(_NAME, DeliveryList(tuple(sorted(deliveries, key=lambda delivery: delivery.key))))


def decide(lake: Folder, *, discard: Sequence[str] = (), retry: Sequence[str] = (), at: datetime) -> list[str]:
    """Record that deliveries are discarded, or judged again, and return what was recorded, in words.

    Each is a batch number, for all files of the batch, or the path of a file, for its newest delivery. The next full
    refresh acts on it. Raises RawPathError for one that was never ingested.
    """
    manifests, store = Manifests(lake), Deliveries(lake)
    known = {delivery.key: delivery for delivery in store.read()}
    entries = [entry for batch in manifests.history() if batch.state == "committed" for entry in batch.files]
    notes = []
    for state, names in (("discarded", discard), ("retry", retry)):
        for name in names:
            for entry in _named(name, entries):
                known[entry.batch, entry.path] = _decided(entry, known.get((entry.batch, entry.path)), state, at)  # type: ignore[arg-type]
                verb = "discarded" if state == "discarded" else "judged again"
                notes.append(f"{verb}: {printable(entry.path)} of batch {entry.batch}")
    store.write(known.values())
    return notes


def _named(name: str, entries: Sequence[FileEntry]) -> list[FileEntry]:
    if re.fullmatch(r"\d+", name, re.ASCII) and (found := [entry for entry in entries if entry.batch == int(name)]):
        return found
    last = max((entry for entry in entries if name in (entry.path, entry.uri)), key=lambda e: e.batch, default=None)
    if last is None:
        raise RawPathError(
            f"{printable(name)} is no batch and no file that was ingested. See: churn batches, churn files"
        )
    return [last]


def _decided(entry: FileEntry, known: Delivery | None, state: DeliveryState, at: datetime) -> Delivery:
    delivery = known or Delivery(entry.path, entry.feed, entry.batch, state, rows=entry.rows or 0)
    return replace(delivery, state=state, since=at.isoformat())


def judged(
    measured: Iterable[Delivery], recorded: Iterable[Delivery], *, limit: float, passed_until: int
) -> list[Delivery]:
    """Return those of the `measured` deliveries that are held now: more than the share `limit` of their rows breaks rules.

    What is recorded as held, superseded or discarded stays it without a new judgement, and what has passed until the batch
    `passed_until` is not judged again, unless it is recorded for that.
    """
    states = {delivery.key: delivery.state for delivery in recorded}
    candidates = [
        delivery
        for delivery in measured
        if states.get(delivery.key) == "retry" or (delivery.key not in states and delivery.batch > passed_until)
    ]
    return [
        replace(delivery, state="held", limit=limit)
        for delivery in candidates
        if delivery.quarantined > limit * delivery.rows
    ]


def with_superseded(deliveries: Iterable[Delivery], entries: Iterable[FileEntry]) -> list[Delivery]:
    """Return the deliveries, those that are held and whose file has been delivered again as superseded."""
    newest: dict[str, int] = {}
    for entry in entries:
        newest[entry.path] = max(entry.batch, newest.get(entry.path, 0))
    return [
        replace(delivery, state="superseded")
        if delivery.state == "held" and newest.get(delivery.path, 0) > delivery.batch
        else delivery
        for delivery in deliveries
    ]


def masked(value: str, rows: int) -> str:
    """Return a received value as it may be shown: as it is where many rows have it, else how it is written."""
    short = printable(value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…")
    return short if rows >= _COMMON_VALUE else "".join(map(_mask, short))


def _mask(character: str) -> str:
    if character.isdigit():
        return "9"
    return "x" if character.isalpha() else character
