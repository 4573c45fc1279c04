"""Watches the folder of raw files and announces what has arrived."""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import watchfiles

from blocks.arrivals import Arrived
from transforms.errors import ChurnError, RawPathError
from transforms.runtime.landing import discover
from transforms.runtime.manifests import Manifests
from transforms.runtime.storage import open_folder

UNREADABLE = "unreadable"
_QUIET_MS, _LONGEST_BURST_MS, _LOOK_FOR_STOP_MS = 1_000, 20_000, 500
_log = logging.getLogger("churn")


def watch(
    raw: Path,
    lake: Path,
    announce: Callable[[Sequence[Arrived]], None],
    *,
    stop: Any = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Announce the files of every burst, once it has been quiet for a second, until `stop` is set.

    Begins with what has arrived while nobody watched. A file that cannot be told to be of any
    feed is announced as well: the run that it starts says what is wrong with it.
    """
    announced: set[Arrived] = set()
    ready()
    for _ in _bursts(raw, stop):
        arrived = [file for file in _arrived(raw, lake) if file not in announced]
        if arrived:
            _log.info("arrived: %s", ", ".join(f"{Path(file.key).name} ({file.feed})" for file in arrived))
            announce(arrived)
            announced.update(arrived)


def _bursts(raw: Path, stop: Any) -> Iterator[None]:
    """Once as soon as the folder is watched, so that nothing lands unseen before that; then after every burst."""
    watched = watchfiles.watch(
        raw,
        stop_event=stop,
        step=_QUIET_MS,
        debounce=_LONGEST_BURST_MS,
        rust_timeout=_LOOK_FOR_STOP_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    for number, changes in enumerate(watched):
        if changes or number == 0:
            yield None


def _arrived(raw: Path, lake: Path) -> list[Arrived]:
    try:
        found = discover(str(raw), Manifests(open_folder(lake))).new
    except RawPathError:
        return []
    except ChurnError as error:
        return [Arrived(str(raw), UNREADABLE, 0, str(error))]
    return [Arrived(file.uri, file.feed, file.size, file.checksum) for file in found]
