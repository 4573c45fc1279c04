"""What is in the raw folder: every file by one name, however the folder was given, and what is plainly no data."""

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from contract.errors import RawPathError
from contract.feeds import FEEDS
from contract.sources import is_source_folder
from lake.names import is_text, printable
from lake.snapshots import is_marker
from lake.storage import Folder, open_folder
from lake.walk import StoredFile

# A part of a date (2026, 04), a partition (day=04), or a date in a name.
_DATE_FOLDER = re.compile(r"\d\d|(?:19|20)\d\d|\w+=.+|.*\d{4}[-_.]?\d\d[-_.]?\d\d.*", re.ASCII)

_TABULAR = "save it as CSV"
_FOREIGN_SUFFIXES: dict[str, tuple[str, ...]] = {
    f"an Excel workbook: {_TABULAR}": (".xlsx", ".xlsm", ".xlsb", ".xls"),
    f"an OpenDocument spreadsheet: {_TABULAR}": (".ods",),
    "an archive: unpack it": (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar"),
    "a binary table: deliver it as CSV, JSON or Parquet": (".avro", ".orc", ".db", ".sqlite", ".mdb", ".accdb"),
    "a document, not data": (".pdf", ".doc", ".docx", ".odt", ".rtf", ".ppt", ".pptx", ".htm", ".html", ".eml", ".msg"),
    "a picture, not data": (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".svg"),
    "a program, not data": (".exe", ".dll", ".so", ".jar", ".py", ".sh", ".bat", ".ps1"),
}


@dataclass(frozen=True)
class RawFolder:
    """The raw files at one place; a file's name starts at `root`, also where `place` (an address) is below that.

    `files` are all but the `hidden` ones, also what cannot be read.
    """

    root: Folder
    below: str
    place: str
    files: tuple[StoredFile, ...]
    hidden: int

    def feed(self, name: str) -> str | None:
        """Return the feed that a file's folders name, those below the given place first; None for no feed's folder."""
        return folder_feed(name.removeprefix(f"{self.below}/")) or folder_feed(name)

    def contains(self, uri: str) -> bool:
        """Return whether an address is this place or below it."""
        return uri == self.place or uri.startswith(f"{self.place.rstrip('/')}/")


_FOLDERS_IN_SOURCE = 2


def open_raw(raw: str, s3: Any = None) -> tuple[Folder, str]:
    """Return the folder that file names start from, and the name of `raw` (a folder or a file) there, empty for itself.

    Names start above folders that say something about their files, a feed, a source or a date: `raw` and `raw/billing` give
    the same file the same name. No file is read: who only starts runs may list raw files, and not read them.
    """
    place = open_folder(raw, s3)
    scheme, _, path = place.uri().rstrip("/").rpartition("://")
    base, *parts = path.split("/")
    below = 1 if place.find("") else 0
    while below < len(parts) and _says_something(parts[-below - 1]):
        below += 1
    # AWS DMS writes to a folder for the schema and one for the table in it.
    above = range(below, min(below + _FOLDERS_IN_SOURCE + 1, len(parts)))
    below = max((up + 1 for up in above if is_source_folder(parts[-up - 1])), default=below)
    if not below:
        return place, ""
    top = "/".join([base, *parts[:-below]])
    return open_folder(f"{scheme}://{top}" if scheme else top or "/", s3), "/".join(parts[-below:])


def list_raw(raw: str, s3: Any = None) -> RawFolder:
    """Return the files at `raw`: a folder, an S3 prefix or one file. Raises RawPathError where there is none."""
    root, below = open_raw(raw, s3)
    place = root.uri(below)
    only = root.find(below) if below else None
    if only:
        return RawFolder(root, below, place, (only,), 0)
    found = list((root / below if below else root).entries())
    if any(not file.name for file in found):
        raise RawPathError(f"{raw} cannot be read. Check its permissions.")
    if not is_text(place):
        raise RawPathError(f"{printable(raw)} is not valid UTF-8. Rename the folder.")
    prefix = f"{below}/" if below else ""
    shown = [file for file in found if not _is_hidden(file.name) and not is_marker(prefix + file.name)]
    if not shown:
        raise RawPathError(
            f"{raw} does not exist or is empty. Put CSV, JSON or Parquet files there, or create some with: churn generate"
        )
    files = tuple(replace(file, name=prefix + file.name) for file in shown)
    return RawFolder(root, below, place, files, len(found) - len(shown))


def refusal(file: StoredFile) -> str:
    """Return why a file is not even looked into, empty for one that may be data."""
    if file.fault:
        return f"{file.fault}. Fix or remove it."
    if not is_text(file.name):
        return "its name is not valid UTF-8. Rename it."
    name = file.name.lower()
    return next((f"{reason}." for reason, suffixes in _FOREIGN_SUFFIXES.items() if name.endswith(suffixes)), "")


def folder_feed(name: str) -> str | None:
    """Return the feed that a file's folders name, None for files of no feed's folder."""
    return next((part for part in PurePosixPath(name).parts[:-1] if part in FEEDS), None)


def _says_something(folder: str) -> bool:
    return folder in FEEDS or is_source_folder(folder) or _DATE_FOLDER.fullmatch(folder) is not None


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))
