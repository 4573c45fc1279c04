"""Deliveries that the quarantine gate holds or an operator has discarded: `<lake>/_control/deliveries.json`.

A delivery is one content of a file in one batch. One without a record here counts: the gate has let it pass.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from contract import defaults
from contract.errors import DamagedDocumentError, RawPathError
from lake.documents import Documents
from lake.manifests import Manifests
from lake.names import printable
from lake.rebuild import RebuildRequest
from lake.register import FileEntry, Register
from lake.set_aside import SetAsideFiles
from lake.storage import Folder

DeliveryState = Literal["held", "superseded", "discarded", "retry", "accepted"]

NOTHING_JUDGED = -2
"""Instead of the newest judged batch: the list was lost, and every delivery is to be judged again."""

LOST = (
    "the list of files that are held or discarded is lost: silver and gold are rebuilt, and all files judged again. Files that "
    "were discarded are used again: discard them once more"
)

# Two copies, the second written first: what operators have decided stands nowhere else.
_NAMES = ("deliveries", "deliveries_copy")
SHOWN = r"(?s)^(\w+): '(.*)' (is .*)$"
"""A violation that shows what was received: `column: 'received' is not an amount`. For Python and Java."""

_COMMON_VALUE = 5  # customers who share it: what fewer have may tell who they are
_SHOWN_CHARACTERS = 30


@dataclass(frozen=True)
class Reason:
    """A rule that rows of a delivery break: `rule` in words, `rows` that break it, and an `example` of what they have.

    The example is masked unless many customers have it, so that it says how a value is written, and nothing of a person.
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
    """A delivery that does not count, is to be judged again, or counts because an operator has accepted it.

    `rows` of it are in bronze, `quarantined` of them break rules; `limit` is the share (0 to 1) that was allowed, or that
    is allowed when it is judged again.
    `since` and `run_id` say when it was held first. `checksum` is that of its content, where an operator has decided on it.
    Of snapshots, `snapshot` is the place of the one that it is a part of, and `event_at` its time. `doubt` says why it is held,
    where that is not for quarantined rows: `missing` of the customers `known` before are not in it; `missing_limit` is the
    share of them that an operator has allowed.
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
    checksum: str = ""
    snapshot: str = ""
    event_at: str = ""
    doubt: str = ""
    missing: int = 0
    known: int = 0
    missing_limit: float | None = None

    @property
    def key(self) -> tuple[int, str]:
        """Return its identity: batch and path."""
        return self.batch, self.path

    @property
    def is_left_out(self) -> bool:
        """Return whether none of its rows counts."""
        return self.state not in ("retry", "accepted")

    @property
    def share(self) -> float:
        """Return the share of its rows that break rules, 0 to 1."""
        return self.quarantined / max(1, self.rows)

    def sentence(self) -> str:
        """Return why it is held, for a person."""
        if self.doubt:
            return self.doubt
        share = f"{self.quarantined:,} of {self.rows:,} rows are quarantined ({self.share:.1%}"
        reasons = "; ".join(reason.sentence() for reason in self.reasons)
        return f"{share}, limit {self.limit:.1%}): {reasons}"


@dataclass(frozen=True)
class DeliveryList:
    """All deliveries with a record; those of batches up to `judged_until` that have none have passed the gate."""

    deliveries: tuple[Delivery, ...] = ()
    judged_until: int = -1


class Deliveries:
    """The deliveries of one lake that are held, discarded, accepted, or to be judged again."""

    def __init__(self, lake: Folder) -> None:
        self._documents = Documents(lake / "_control", DeliveryList)

    def read(self) -> tuple[Delivery, ...]:
        """Return them, oldest first. Raises DamagedDocumentError: without the list, discarded rows would come back."""
        return self._read().deliveries

    def judged_until(self) -> int:
        """Return the newest batch that has been judged and published, -1 for none. Raises DamagedDocumentError."""
        return self._read().judged_until

    def write(self, deliveries: Iterable[Delivery], judged_until: int | None = None) -> None:
        """Replace the list, and note what has been judged, unless that stays. Raises LakeError, DamagedDocumentError."""
        until = self.judged_until() if judged_until is None else judged_until
        ordered = tuple(sorted(deliveries, key=lambda delivery: delivery.key))
        self._write(DeliveryList(ordered, until), reversed(_NAMES))

    def exist(self) -> bool:
        """Return whether there is a list, whether it can be read or not."""
        return any(self._documents.exists(name) for name in _NAMES)

    def restore(self) -> tuple[str, ...]:
        """Write a copy that is missing or damaged from the other one; return what was done, in words.

        Raises DamagedDocumentError where no copy can be read; no list at all is none to restore.
        """
        if not self.exist():
            return ()
        found = self._read()
        lost = [name for name in _NAMES if self._readable(name) is None]
        self._write(found, lost)
        # Release 0.1.0 had no list, and its first successor no copy of it.
        if _NAMES[0] not in lost:
            return ()
        return (
            "the list of files that are held or discarded was missing or damaged and has been restored from its copy",
        )

    def _write(self, content: DeliveryList, names: Iterable[str]) -> None:
        for name in names:
            self._documents.write(name, content)

    def _readable(self, name: str) -> DeliveryList | None:
        with suppress(FileNotFoundError, DamagedDocumentError):
            return self._documents.read(name)
        return None

    def _read(self) -> DeliveryList:
        for name in _NAMES:
            if (found := self._readable(name)) is not None:
                return found
        if self.exist():
            place = self._documents.folder.uri(f"{_NAMES[0]}.json")
            raise DamagedDocumentError(f"{place} and its copy are damaged. Have all files judged again: churn repair")
        return DeliveryList()


def decide(
    lake: Folder,
    *,
    discard: Sequence[str] = (),
    retry: Sequence[str] = (),
    retry_held: bool = False,
    limit: float = defaults.MAX_QUARANTINED_SHARE,
    missing_limit: float | None = None,
    at: datetime,
) -> list[str]:
    """Record that deliveries are discarded, or judged again by the share `limit`, and return what was recorded, in words.

    Each is a batch number, for all files of the batch, or the path of a file, for its newest delivery; `retry_held` are all
    that are held. Snapshots of which at most the share `missing_limit` is missing are taken whether they are whole or not.
    The next run rebuilds silver and gold and acts on it, also when this one is interrupted; where the list
    is lost, it judges all other files again. A file of `retry` that is set aside is read again by the next run. Raises RawPathError for one that is neither, and was never
    ingested.
    """
    store, set_aside = Deliveries(lake), SetAsideFiles(lake)
    known = {delivery.key: delivery for delivery in store.read()}
    listed = set_aside.read()
    read_again = [file for file in listed if file.is_named(retry)]
    entries = [entry for batch in Manifests(lake).history() if batch.state == "committed" for entry in batch.files]
    discarded = _once(entry for name in discard for entry in _named(name, entries))
    held = [entry for entry in entries if retry_held and _is_held(known.get(entry.key))]
    others = [name for name in retry if not any(file.is_named([name]) for file in read_again)]
    named = [entry for name in others for entry in _named(name, entries)]
    judged_again = _once([*named, *_other_parts(named, entries, known), *held])
    for entry in discarded:
        known[entry.key] = replace(_known(entry, known), state="discarded", since=at.isoformat())
    for entry in judged_again:
        again = replace(_known(entry, known), state="retry", limit=limit, since=at.isoformat())
        known[entry.key] = replace(again, snapshot="", doubt="", missing_limit=missing_limit)
    is_lost = bool(discarded or judged_again) and not store.exist()
    if discarded or judged_again:
        RebuildRequest(lake).ask()  # first: the decision counts for nothing without it
        store.write(known.values(), NOTHING_JUDGED if is_lost else None)
    if read_again:
        set_aside.write([replace(file, reader="") if file in read_again else file for file in listed])
    return [
        *([LOST] if is_lost else []),
        *(
            f"file {verb}: {printable(entry.path)} of batch {entry.batch}"
            for verb, decided in (("discarded", discarded), ("judged again", judged_again))
            for entry in decided
        ),
        *(f"file read again: {printable(file.path)}" for file in read_again),
    ]


def _other_parts(
    named: Iterable[FileEntry], entries: Iterable[FileEntry], known: Mapping[tuple[int, str], Delivery]
) -> list[FileEntry]:
    """The other files of snapshots of which one is named: they are held together."""
    found = {(d.batch, d.feed, d.snapshot) for entry in named if (d := known.get(entry.key)) and d.snapshot}
    parts = {key for key, d in known.items() if d.state == "held" and (d.batch, d.feed, d.snapshot) in found}
    return [entry for entry in entries if entry.key in parts]


def _once(entries: Iterable[FileEntry]) -> list[FileEntry]:
    return list(dict.fromkeys(entries))


def inherited(recorded: Sequence[Delivery], entries: Iterable[FileEntry]) -> list[Delivery]:
    """Return records for entries without one whose content was discarded or accepted as an earlier delivery of the file.

    So that a decision outlives rows that were lost, and are ingested again.
    """
    known = {delivery.key for delivery in recorded}
    decided = {(d.path, d.checksum): d for d in recorded if d.state in ("discarded", "accepted") and d.checksum}
    return [
        replace(decision, batch=entry.batch)
        for entry in entries
        if entry.key not in known and (decision := decided.get((entry.path, entry.checksum)))
    ]


def settled(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Return the deliveries, those that have passed another judgement as accepted."""
    return [replace(d, state="accepted") if d.state == "retry" else d for d in deliveries]


def _is_held(delivery: Delivery | None) -> bool:
    return delivery is not None and delivery.state == "held"


def _known(entry: FileEntry, known: Mapping[tuple[int, str], Delivery]) -> Delivery:
    new = Delivery(entry.path, entry.feed, entry.batch, "retry", rows=entry.rows or 0)
    return replace(known.get(entry.key, new), checksum=entry.checksum)


def _named(name: str, entries: Sequence[FileEntry]) -> list[FileEntry]:
    if re.fullmatch(r"\d+", name, re.ASCII) and (found := [entry for entry in entries if entry.batch == int(name)]):
        return found
    spellings = ((entry, (entry.path, entry.uri, printable(entry.path))) for entry in entries)
    last = max((entry for entry, names in spellings if name in names), key=lambda e: e.batch, default=None)
    if last is None:
        raise RawPathError(
            f"{printable(name)} is no batch and no file that was ingested or set aside. See: churn batches, churn files"
        )
    return [last]


def judged(
    measured: Iterable[Delivery], recorded: Iterable[Delivery], *, limit: float, passed_until: int
) -> list[Delivery]:
    """Return those of the `measured` deliveries that are held now: more than the share `limit` of their rows breaks rules.

    What is recorded as held, superseded, discarded or accepted stays it without a new judgement, and what has passed until the batch
    `passed_until` is not judged again, unless it is recorded for that, with a limit of its own.
    """
    known = {delivery.key: delivery for delivery in recorded}
    limits = {key: delivery.limit for key, delivery in known.items() if delivery.state == "retry"}
    candidates = [
        replace(delivery, state="held", limit=limits.get(delivery.key, limit))
        for delivery in measured
        if delivery.key in limits or (delivery.key not in known and delivery.batch > passed_until)
    ]
    return [delivery for delivery in candidates if delivery.share > delivery.limit]


def with_superseded(deliveries: Iterable[Delivery], register: Register) -> list[Delivery]:
    """Return the deliveries, those that are held and whose file has been delivered again as superseded."""
    return [
        replace(delivery, state="superseded")
        if delivery.state == "held" and register.delivered_again(delivery.key)
        else delivery
        for delivery in deliveries
    ]


def without_values(violation: str) -> str:
    """Return a violation (see `transforms.silver`) with what was received masked."""
    return re.sub(SHOWN, lambda found: f"{found[1]}: '{masked(found[2], 1)}' {found[3]}", violation)


def masked(value: str, customers: int) -> str:
    """Return a received value as it may be shown: as it is where many customers have it, else how it is written."""
    short = printable(value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…")
    return short if customers >= _COMMON_VALUE else "".join(map(_mask, short))


def _mask(character: str) -> str:
    """Any number is a 9, any letter and mark on one an x."""
    kind = unicodedata.category(character)[0]
    return {"N": "9", "L": "x", "M": "x"}.get(kind, character)
