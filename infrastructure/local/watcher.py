"""Watches the folder of raw files and announces what has arrived."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

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


def watch(
    raw: Path,
    lake: Path,
    announce: Callable[[Sequence[RawFileEvent]], None],
    *,
    stop: Any = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Announce the files of every burst, once it has been quiet for a second, until `stop` is set.

    Begins with the files that arrived while the watcher was not running. A file that cannot be ingested is
    announced as well, unless a run has set it aside before: the run that it starts reports what is wrong with it.
    """
    announced: set[RawFileEvent] = set()
    ready()
    for _ in _bursts(raw, stop):
        arrived = [file for file in _arrived(raw, lake) if file not in announced]
        if arrived:
            LOGGER.info("arrived: %s", ", ".join(f"{Path(file.key).name} ({file.feed})" for file in arrived))
            announce(arrived)
            announced.update(arrived)


def _bursts(raw: Path, stop: Any) -> Iterator[None]:
    """Yield once as soon as the folder is watched, so that no earlier file is missed; then after every burst."""
    watched = watchfiles.watch(
        raw,
        stop_event=stop,
        step=_QUIET_MS,
        debounce=_MAX_BURST_MS,
        rust_timeout=_STOP_POLL_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    for number, changes in enumerate(watched):
        if changes or number == 0:
            yield None


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
        *(RawFileEvent(file.uri, file.feed, file.size, file.checksum) for file in found.new),
        *(RawFileEvent(file.uri, UNREADABLE, file.size, str(file.modified_ns)) for file in unreported),
    ]
