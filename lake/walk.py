"""Everything below a folder of this machine, also what cannot be read."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StoredFile:
    """A file by its name below a folder; `etag` is empty where the storage gives none.

    `fault` says why something in the folder is not a file that can be read; its size and time are 0 then.
    """

    name: str
    size: int
    modified_ns: int
    etag: str = ""
    fault: str = ""


def walk(root: Path) -> Iterator[StoredFile]:
    """Everything below `root` in no order, through links to folders, unless they lead to a folder that they are in."""
    pending = [(root, "", frozenset[tuple[int, int]]())]
    while pending:
        folder, prefix, above = pending.pop()
        try:
            found = folder.stat()
            entries = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield _faulty(prefix.rstrip("/"), f"this folder cannot be read: {error.strerror}")
            continue
        identity = (found.st_dev, found.st_ino)
        if identity in above:
            yield _faulty(prefix.rstrip("/"), "a link to a folder that it is in")
            continue
        for entry in entries:
            if _is_folder(entry):
                pending.append((folder / entry.name, f"{prefix}{entry.name}/", above | {identity}))
            else:
                yield from _stored(entry, prefix + entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _stored(entry: os.DirEntry[str], name: str) -> Iterator[StoredFile]:
    """The file of an entry, or what is wrong with it; nothing for one that has been removed since it was listed."""
    try:
        found = entry.stat()
    except FileNotFoundError:
        if entry.is_symlink():
            yield _faulty(name, "a link to a file that does not exist")
    except OSError as error:
        yield _faulty(name, f"it cannot be read: {error.strerror}")
    else:
        is_file = stat.S_ISREG(found.st_mode)
        yield (
            StoredFile(name, found.st_size, found.st_mtime_ns)
            if is_file
            else _faulty(name, "a pipe, a socket or a device, not a file")
        )


def _faulty(name: str, fault: str) -> StoredFile:
    return StoredFile(name, 0, 0, fault=fault)
