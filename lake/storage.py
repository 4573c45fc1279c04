"""Files beside the tables, in a folder or below an S3 prefix: manifests, results, reports, raw files."""

import hashlib
import json
import os
import shutil
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Self

from contract.errors import DamagedDocumentError, LakeError
from lake.walk import StoredFile, walk

S3_SCHEMES = ("s3://", "s3a://")
_RECENT_SECONDS = 5.0
_SETTLE_SECONDS = 0.25


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

    def replace(self, name: str, content: bytes) -> None:
        """Write a file; one that is there keeps its time and its permissions where `keeps_times`. Raises LakeError."""
        self.write_bytes(name, content)

    def write_secret(self, name: str, text: str) -> None:
        """Write a text that only the folder's owner may read, where the storage has permissions by file. Raises LakeError."""
        self.write_text(name, text)

    @property
    def keeps_times(self) -> bool:
        """Return whether a file that is replaced can keep the time that it had."""
        return False

    @abstractmethod
    def names(self, start_after: str = "") -> list[str]:
        """Return the names of the files and folders right below, sorted; none where the folder does not exist.

        Only names after `start_after`: S3 does not even list the others.
        """

    @abstractmethod
    def entries(self) -> Iterator[StoredFile]:
        """Yield every file at any depth, sorted by name, also what is not a file that can be read (see its `fault`)."""

    @abstractmethod
    def stat(self, name: str) -> StoredFile | None:
        """Return one file, None when there is none."""

    def find(self, name: str) -> StoredFile | None:
        """Return one file as its folder lists it, None when there is none: on S3 that needs no right to read it."""
        return self.stat(name)

    @abstractmethod
    def delete(self, name: str) -> None:
        """Remove a file, or a folder with all below it; no error when there is none."""

    def delete_content(self, name: str) -> None:
        """Remove a file and, where it is a link, what it leads to; no error when there is none."""
        self.delete(name)

    @abstractmethod
    def checksum(self, file: StoredFile) -> str:
        """Return a text that changes when the content does."""

    @abstractmethod
    def still_being_written(self, files: Sequence[StoredFile]) -> set[str]:
        """Return the names of the files that are still being written."""

    def files(self) -> Iterator[StoredFile]:
        """Yield every file at any depth, sorted by name."""
        return (entry for entry in self.entries() if not entry.fault)

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
        """Return the content of a JSON file. Raises FileNotFoundError; DamagedDocumentError names a damaged file."""
        try:
            return json.loads(self.read_bytes(name))
        except ValueError as error:
            raise DamagedDocumentError(f"{self.uri(name)} is damaged ({error}). Restore it or remove it.") from error

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


class LocalFolder(Folder):
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def __truediv__(self, name: str) -> Self:
        return type(self)(self.path / name)

    def uri(self, name: str = "") -> str:
        """Return the absolute path."""
        return str(self.path / name)

    def read_bytes(self, name: str, limit: int | None = None) -> bytes:
        """Return the content, or its first `limit` bytes. Raises FileNotFoundError."""
        with self.open(name) as file:
            return file.read(-1 if limit is None else limit)

    def open(self, name: str) -> BinaryIO:
        """Return the content as a stream. Raises FileNotFoundError."""
        return (self.path / name).open("rb")

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a temporary file and rename it. Raises LakeError."""
        self._write(name, content)

    def replace(self, name: str, content: bytes) -> None:
        """Write a file as `write_bytes` does; one that is there keeps its time and its permissions. Raises LakeError.

        Of a link, what it leads to is replaced.
        """
        path = (self.path / name).resolve()
        self._write(str(path), content, lambda written: shutil.copystat(path, written) if path.exists() else None)

    def write_secret(self, name: str, text: str) -> None:
        """Write a text that only this account may read. Raises LakeError."""
        self._write(name, text.encode(), lambda written: written.chmod(0o600))

    @property
    def keeps_times(self) -> bool:
        """Return that a file that is replaced keeps its time."""
        return True

    def _write(self, name: str, content: bytes, prepare: Callable[[Path], None] = lambda _: None) -> None:
        path = self.path / name
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.touch()
            prepare(temporary)  # before it has content: what only its owner may read is never open to others
            temporary.write_bytes(content)
            prepare(temporary)  # its time again
            temporary.replace(path)
        except OSError as error:
            raise LakeError(f"cannot write {path}: {error.strerror}. Check space and permissions.") from error

    def names(self, start_after: str = "") -> list[str]:
        """Return the names right below that come after `start_after`, sorted; none where the folder does not exist."""
        found = (path.name for path in self.path.iterdir()) if self.path.exists() else ()
        return sorted(name for name in found if name > start_after)

    def entries(self) -> Iterator[StoredFile]:
        """Yield every file at any depth, sorted by name, and what cannot be read. Links to folders are followed."""
        return iter(sorted(walk(self.path), key=lambda entry: entry.name))

    def stat(self, name: str) -> StoredFile | None:
        """Return one regular file, None when there is none."""
        try:
            found = (self.path / name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return StoredFile(name, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None

    def delete(self, name: str) -> None:
        """Remove a file, or a folder with all below it; no error when there is none."""
        path = self.path / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def delete_content(self, name: str) -> None:
        """Remove a file and, where it is a link, what it leads to; no error when there is none."""
        (self.path / name).resolve().unlink(missing_ok=True)
        self.delete(name)

    def checksum(self, file: StoredFile) -> str:
        """Return the SHA-256 of the content."""
        with (self.path / file.name).open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()

    def still_being_written(self, files: Sequence[StoredFile]) -> set[str]:
        """Return the recently touched files whose size or time changes between two listings."""
        now = time.time_ns()
        recent = [file for file in files if now - file.modified_ns < _RECENT_SECONDS * 1e9]
        if not recent:
            return set()
        time.sleep(_SETTLE_SECONDS)
        return {file.name for file in recent if self.stat(file.name) != file}


def open_folder(url: str | Path, s3: Any = None) -> Folder:
    """Return the folder that `url` names: a path, or `s3://bucket/prefix`, reached with the boto3 client `s3`.

    Without a client the machine's own credentials are used: on Glue, those of the job's role. Raises LakeError for an
    address of another store.
    """
    text = str(url)
    scheme = next((scheme for scheme in S3_SCHEMES if text.startswith(scheme)), None)
    if scheme is None and "://" in text:
        raise LakeError(f"{text} is in a store that cannot be opened. Give a folder, or s3://bucket/prefix")
    if scheme is None:
        return LocalFolder(Path(text))
    # boto3 takes 0.4 s to import, which a command on a local lake need not wait for.
    return import_module("lake.s3").open_bucket(text.removeprefix(scheme), s3)  # type: ignore[no-any-return]
