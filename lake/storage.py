"""Files beside the tables, in a folder or below an S3 prefix: manifests, results, reports, raw files."""

import hashlib
import json
import os
import re
import shutil
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Self

from contract.errors import LakeError

S3_SCHEMES = ("s3://", "s3a://")
_RECENT_SECONDS = 5.0
_SETTLE_SECONDS = 0.25


@dataclass(frozen=True)
class StoredFile:
    """A file by its name below a folder; `etag` is empty where the storage gives none."""

    name: str
    size: int
    modified_ns: int
    etag: str = ""


class Folder(ABC):
    """A place that holds files by name (`a/b.json`). Writes are atomic: readers see the old file or the new one."""

    @abstractmethod
    def __truediv__(self, name: str) -> Self:
        """Return the folder `name` below this one."""

    @abstractmethod
    def uri(self, name: str = "") -> str:
        """Return the address of the file or folder `name`, as Spark, COPY and people use it."""

    @abstractmethod
    def read_bytes(self, name: str, limit: int | None = None) -> bytes:
        """Return the content, or its first `limit` bytes. Raises FileNotFoundError."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Return the content as a stream, to be closed by the caller. Raises FileNotFoundError."""

    @abstractmethod
    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file and the folders above it. Raises LakeError."""

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the files and folders right below, sorted; none where the folder does not exist."""

    @abstractmethod
    def files(self) -> Iterator[StoredFile]:
        """Yield every file at any depth, sorted by name."""

    @abstractmethod
    def stat(self, name: str) -> StoredFile | None:
        """Return one file, None when there is none."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Remove a file, or a folder with all below it; no error when there is none."""

    @abstractmethod
    def checksum(self, file: StoredFile) -> str:
        """Return a text that changes when the content does."""

    @abstractmethod
    def still_being_written(self, files: Sequence[StoredFile]) -> set[str]:
        """Return the names of the files that are still being written."""

    def exists(self, name: str) -> bool:
        """Return whether there is a file of that name."""
        return self.stat(name) is not None

    def write_text(self, name: str, text: str) -> None:
        """Write a text as UTF-8. Raises LakeError."""
        self.write_bytes(name, text.encode())

    def write_json(self, name: str, content: Any) -> None:
        """Write indented JSON; values without a JSON type are written as text. Raises LakeError."""
        self.write_text(name, json.dumps(content, indent=2, default=str) + "\n")

    def read_json(self, name: str) -> Any:
        """Return the content of a JSON file. Raises FileNotFoundError; LakeError names a file that is damaged."""
        try:
            return json.loads(self.read_bytes(name))
        except ValueError as error:
            raise LakeError(f"{self.uri(name)} is damaged ({error}). Restore it or remove it.") from error

    def check_writable(self) -> None:
        """Raise LakeError when nothing can be written here."""
        probe = f".write-test-{os.getpid()}"
        try:
            self.write_bytes(probe, b"x")
            self.delete(probe)
        except (LakeError, OSError) as error:
            reason = error.__cause__ or error
            raise LakeError(
                f"the lake {self.uri()} is not writable: {getattr(reason, 'strerror', None) or reason}. "
                "Choose another --lake or fix its permissions."
            ) from error


_ESCAPE = re.compile(r"\\x(5C|[89A-F][0-9A-F])")
# Python has surrogates for the bytes of a path that are not UTF-8.
_IS_ESCAPED = re.compile(rf"[\udc80-\udcff]|{_ESCAPE.pattern}")
_TO_ESCAPE = re.compile(r"[\\\udc80-\udcff]")


def _as_text(path: str) -> str:
    r"""Return a path as text that can be encoded: a byte that is not UTF-8 becomes `\xE9`.

    So manifests, tables and messages can hold every name, and `_as_path` finds the file again: where a name has such an
    escape already, its backslashes are escaped as well. Any other name stays as it is.
    """
    return "/".join(_TO_ESCAPE.sub(_escape, name) if _IS_ESCAPED.search(name) else name for name in path.split("/"))


def _escape(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]) & 0xFF:02X}"


def _as_path(text: str) -> str:
    """Return the path that `_as_text` gave as `text`, as the operating system knows it."""
    return _ESCAPE.sub(lambda found: os.fsdecode(bytes.fromhex(found[1])), text)


class LocalFolder(Folder):
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def __truediv__(self, name: str) -> Self:
        return type(self)(self._at(name))

    def uri(self, name: str = "") -> str:
        """Return the absolute path."""
        return _as_text(str(self._at(name)))

    def read_bytes(self, name: str, limit: int | None = None) -> bytes:
        """Return the content, or its first `limit` bytes. Raises FileNotFoundError."""
        with self.open(name) as file:
            return file.read(-1 if limit is None else limit)

    def open(self, name: str) -> BinaryIO:
        """Return the content as a stream. Raises FileNotFoundError."""
        return self._at(name).open("rb")

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a temporary file and rename it. Raises LakeError."""
        path = self._at(name)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:
            raise LakeError(f"cannot write {self.uri(name)}: {error.strerror}. Check space and permissions.") from error

    def names(self) -> list[str]:
        """Return the names right below, sorted; none where the folder does not exist."""
        return sorted(_as_text(path.name) for path in self.path.iterdir()) if self.path.exists() else []

    def files(self) -> Iterator[StoredFile]:
        """Yield every file at any depth, sorted by name."""
        found = (path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file())
        return (file for name in sorted(map(_as_text, found)) if (file := self.stat(name)))

    def stat(self, name: str) -> StoredFile | None:
        """Return one regular file, None when there is none."""
        try:
            found = self._at(name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return StoredFile(name, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None

    def delete(self, name: str) -> None:
        """Remove a file, or a folder with all below it; no error when there is none."""
        path = self._at(name)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def checksum(self, file: StoredFile) -> str:
        """Return the SHA-256 of the content."""
        with self._at(file.name).open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()

    def still_being_written(self, files: Sequence[StoredFile]) -> set[str]:
        """Return the recently touched files whose size or time changes between two listings."""
        now = time.time_ns()
        recent = [file for file in files if now - file.modified_ns < _RECENT_SECONDS * 1e9]
        if not recent:
            return set()
        time.sleep(_SETTLE_SECONDS)
        return {file.name for file in recent if self.stat(file.name) != file}

    def _at(self, name: str) -> Path:
        return self.path / _as_path(name)


def open_folder(url: str | Path, s3: Any = None) -> Folder:
    """Return the folder that `url` names: a path, or `s3://bucket/prefix`, reached with the boto3 client `s3`.

    Without a client the machine's own credentials are used: on Glue, those of the job's role.
    """
    text = str(url)
    scheme = next((scheme for scheme in S3_SCHEMES if text.startswith(scheme)), None)
    if scheme is None:
        return LocalFolder(Path(_as_path(text)))
    # boto3 takes 0.4 s to import, which a command on a local lake need not wait for.
    return import_module("lake.s3").open_bucket(text.removeprefix(scheme), s3)  # type: ignore[no-any-return]
