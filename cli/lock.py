"""One writer per lake."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from transforms.errors import LakeError


@contextlib.contextmanager
def exclusive(lake: Path) -> Iterator[None]:
    """Hold the lake's lock, which the system frees even when the process is killed."""
    path = lake / "_control" / "run.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LakeError(f"another run is working on {lake}. Wait for it to end, or use another --lake.") from error
        yield
