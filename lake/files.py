"""Every file of the raw folder and of the register, with its state and what to do about it."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from lake.deliveries import Deliveries, Delivery
from lake.file_states import NEXT_STEP, State
from lake.landing import Arrivals, RawFile, discover
from lake.manifests import Manifests
from lake.register import FileEntry, Register
from lake.set_aside import SetAside, SetAsideFiles
from lake.storage import Folder


@dataclass(frozen=True)
class FileState:
    """One file: what is known about it, None or empty where that is not known in its state.

    `rows` is what bronze holds of its last content, `batch` the batch that brought it, `event_at` (UTC) the event time
    of its records without one, `event_from` where that comes from, `note` what is unexpected about it. `reason` and
    `since` are those of a file that is set aside or held.
    """

    path: str
    state: State
    feed: str = ""
    batch: int | None = None
    event_at: str = ""
    event_from: str = ""
    rows: int | None = None
    note: str = ""
    reason: str = ""
    since: str = ""

    @property
    def next_step(self) -> str:
        """Return what to do about the file."""
        return NEXT_STEP[self.state]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for programs."""
        return {**asdict(self), "next_step": self.next_step}


@dataclass(frozen=True)
class FileList:
    """The files of a raw folder by path, and how many are hidden."""

    files: tuple[FileState, ...]
    hidden: int


def list_files(raw: str, lake: Folder, at: datetime, s3: Any = None) -> FileList:
    """Return every file at `raw` (a folder, an S3 prefix that `s3` reaches, or one file) at a time. Raises RawPathError."""
    manifests, recorded = Manifests(lake), SetAsideFiles(lake).read()
    decided = {delivery.key: delivery for delivery in Deliveries(lake).read()}
    arrivals = discover(raw, manifests, at=at, judged=recorded, s3=s3)
    since = {file.uri: file.since for file in recorded}
    states = [
        *(_new(file) for file in arrivals.new),
        *(FileState(name, "waiting") for name in arrivals.waiting),
        *(_set_aside(file, since.get(file.uri, "")) for file in arrivals.set_aside),
        *(_ingested(file, decided.get(file.key)) for file in arrivals.ingested),
        *(_ingested(file, decided.get(file.key), "removed") for file in _removed(arrivals, manifests.register())),
    ]
    return FileList(tuple(sorted(states, key=lambda state: state.path)), arrivals.hidden)


def _new(file: RawFile) -> FileState:
    return FileState(file.path, "new", file.feed, event_at=file.event_at, event_from=file.event_from, note=file.note)


def _set_aside(file: SetAside, since: str) -> FileState:
    return FileState(file.path, "set_aside", reason=file.reason, since=since)


def _ingested(file: FileEntry, decided: Delivery | None, otherwise: State = "ingested") -> FileState:
    """The state that was decided on what bronze has of a file, whether or not it is still there; `otherwise` for none."""
    if decided is not None and decided.state == "held":
        return replace(_registered(file, "held"), reason=decided.sentence(), since=decided.since)
    return _registered(file, "discarded" if decided is not None and decided.state == "discarded" else otherwise)


def _registered(file: FileEntry, state: State) -> FileState:
    return FileState(file.path, state, file.feed, file.batch, file.event_at, file.event_from, file.rows)


def _removed(arrivals: Arrivals, register: Register) -> list[FileEntry]:
    """Files of the register that are no longer where they were, below the folder that was looked at."""
    folder = arrivals.folder
    there = {name for file in folder.files for name in (file.name, folder.root.uri(file.name))}
    return [
        file
        for file in register
        if folder.contains(file.uri or folder.root.uri(file.path)) and not {file.path, file.uri} & there
    ]
