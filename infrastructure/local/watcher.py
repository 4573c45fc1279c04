"""Watches the folder of raw files and announces what has arrived."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import watchfiles

from contract.errors import ChurnError, RawPathError
from contract.log import LOGGER
from lake.arrivals import RawFileEvent
from lake.landing import discover
from lake.manifests import Manifests
from lake.set_aside import SetAsideFiles
from lake.storage import open_folder

UNREADABLE = "unreadable"
_QUIET_MS, _MAX_BURST_MS, _STOP_POLL_MS = 1_000, 20_000, 500
_RETRY_SECONDS = 5.0


def watch(
    raw: Path,
    lake: Path,
    announce: Callable[[Sequence[RawFileEvent]], None],
    *,
    stop: Event | None = None,
    ready: Callable[[], None] = lambda: None,
    alive: Callable[[], None] = lambda: None,
) -> None:
    """Announce the files of every burst, once it has been quiet for a second, until `stop` is set.

    Begins with the files that arrived while the watcher was not running. A file that cannot be ingested is
    announced as well, unless a run has set it aside before: the run that it starts reports what is wrong with it.
    `alive` is called again and again while the folder is watched. Whatever goes wrong is logged, and watching goes on.
    """
    stopped = stop or Event()
    announced: set[RawFileEvent] = set()
    ready()
    while not stopped.is_set():
        try:
            _watch(raw, lake, announce, announced, stopped, alive)
        except Exception as error:  # noqa: BLE001 (a watcher that ends would start no run any more)
            LOGGER.error("cannot watch %s (%s: %s); trying again", raw, type(error).__name__, error)
            stopped.wait(_RETRY_SECONDS)


def _watch(
    raw: Path,
    lake: Path,
    announce: Callable[[Sequence[RawFileEvent]], None],
    announced: set[RawFileEvent],
    stopped: Event,
    alive: Callable[[], None],
) -> None:
    """Watch until told to stop, or until another folder is at the place: the system reports changes of the first one."""
    with _opened(raw) as watched:
        for is_burst in _bursts(raw, stopped):
            if not os.path.samestat(os.fstat(watched), raw.stat()):
                return
            alive()
            if not is_burst:
                continue
            arrived = [file for file in _arrived(raw, lake) if file not in announced]
            if arrived:
                LOGGER.info("arrived: %s", ", ".join(f"{Path(file.key).name} ({file.feed})" for file in arrived))
                announce(arrived)
                announced.update(arrived)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Hold a folder open: its inode, by which it is known, is not given to another one meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _bursts(raw: Path, stopped: Event) -> Iterator[bool]:
    """Yield again and again: true as soon as the folder is watched, so that no earlier file is missed, and after a burst."""
    watched = watchfiles.watch(
        raw,
        stop_event=stopped,
        step=_QUIET_MS,
        debounce=_MAX_BURST_MS,
        rust_timeout=_STOP_POLL_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    for number, changes in enumerate(watched):
        yield bool(changes) or number == 0


def _arrived(raw: Path, lake: Path) -> list[RawFileEvent]:
    folder = open_folder(lake)
    recorded = SetAsideFiles(folder).read()
    try:
        found = discover(str(raw), Manifests(folder), judged=recorded)
    except RawPathError:
        return []
    except ChurnError as error:
        return [RawFileEvent(str(raw), UNREADABLE, 0, str(error))]
    unreported = [file for file in found.set_aside if not any(file.is_same(known) for known in recorded)]
    return [
        *(
            RawFileEvent(file.uri, file.feed, file.size, f"{file.checksum} {file.marker}".rstrip())
            for file in found.new
        ),
        *(RawFileEvent(file.uri, UNREADABLE, file.size, str(file.modified_ns)) for file in unreported),
    ]
