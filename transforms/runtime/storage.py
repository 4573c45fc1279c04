"""Files beside the tables, in a folder or below an S3 prefix: manifests, results, reports, raw files."""

import hashlib
import json
import os
import shutil
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from transforms.errors import LakeError

S3_SCHEMES = ("s3://", "s3a://")
_RECENT_SECONDS = 5.0
_SETTLE_SECONDS = 0.25
_MISSING = ("NoSuchKey", "404")


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
        """The folder `name` below this one."""

    @abstractmethod
    def uri(self, name: str = "") -> str:
        """What Spark, COPY and people call the file or folder `name`."""

    @abstractmethod
    def read_bytes(self, name: str, limit: int | None = None) -> bytes:
        """The content, or its first `limit` bytes. FileNotFoundError when there is no such file."""

    @abstractmethod
    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file and the folders above it. LakeError when that is impossible."""

    @abstractmethod
    def names(self) -> list[str]:
        """Names of the files and folders right below, sorted; none where the folder does not exist."""

    @abstractmethod
    def files(self) -> Iterator[StoredFile]:
        """Every file at any depth, sorted by name."""

    @abstractmethod
    def stat(self, name: str) -> StoredFile | None:
        """One file, None when there is none."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Remove a file, or a folder with all below it; no error when there is none."""

    @abstractmethod
    def checksum(self, file: StoredFile) -> str:
        """What changes when the content does."""

    @abstractmethod
    def growing(self, files: Sequence[StoredFile]) -> set[str]:
        """Names of the files that are still being written."""

    def exists(self, name: str) -> bool:
        return self.stat(name) is not None

    def write_text(self, name: str, text: str) -> None:
        self.write_bytes(name, text.encode())

    def write_json(self, name: str, content: Any) -> None:
        """Write indented JSON; what JSON does not know is written as text."""
        self.write_text(name, json.dumps(content, indent=2, default=str) + "\n")

    def read_json(self, name: str) -> Any:
        """The content of a JSON file; LakeError names the file when it is damaged."""
        try:
            return json.loads(self.read_bytes(name))
        except ValueError as error:
            raise LakeError(f"{self.uri(name)} is damaged ({error}). Restore it or remove it.") from error

    def check_writable(self) -> None:
        """LakeError when nothing can be written here."""
        probe = f".write-test-{os.getpid()}"
        try:
            self.write_bytes(probe, b"x")
            self.delete(probe)
        except (LakeError, OSError) as error:
            reason = error.__cause__ or error
            raise LakeError(
                f"the lake {self.uri()} is not writable: {getattr(reason, 'strerror', None) or reason}. "
                "Choose another --lake or mend its permissions."
            ) from error


class LocalFolder(Folder):
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def __truediv__(self, name: str) -> Self:
        return type(self)(self.path / name)

    def uri(self, name: str = "") -> str:
        return str(self.path / name)

    def read_bytes(self, name: str, limit: int | None = None) -> bytes:
        with (self.path / name).open("rb") as file:
            return file.read(-1 if limit is None else limit)

    def write_bytes(self, name: str, content: bytes) -> None:
        path = self.path / name
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:
            raise LakeError(f"cannot write {path}: {error.strerror}. Check space and permissions.") from error

    def names(self) -> list[str]:
        return sorted(path.name for path in self.path.iterdir()) if self.path.exists() else []

    def files(self) -> Iterator[StoredFile]:
        names = sorted(path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file())
        return (found for name in names if (found := self.stat(name)))

    def stat(self, name: str) -> StoredFile | None:
        try:
            found = (self.path / name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return StoredFile(name, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None

    def delete(self, name: str) -> None:
        path = self.path / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def checksum(self, file: StoredFile) -> str:
        with (self.path / file.name).open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()

    def growing(self, files: Sequence[StoredFile]) -> set[str]:
        """Files touched in the last seconds whose size or time moves while we look twice."""
        now = time.time_ns()
        recent = [file for file in files if now - file.modified_ns < _RECENT_SECONDS * 1e9]
        if not recent:
            return set()
        time.sleep(_SETTLE_SECONDS)
        return {file.name for file in recent if self.stat(file.name) != file}


class S3Folder(Folder):
    """A prefix of a bucket. An object is there whole or not at all, so none is ever growing."""

    def __init__(self, bucket: str, prefix: str, client: Any) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self.client = client

    def __truediv__(self, name: str) -> Self:
        return type(self)(self.bucket, self._key(name), self.client)

    def uri(self, name: str = "") -> str:
        return f"s3://{self.bucket}/{self._key(name)}"

    def read_bytes(self, name: str, limit: int | None = None) -> bytes:
        part = {} if limit is None else {"Range": f"bytes=0-{limit - 1}"}
        with self._reached(name):
            return bytes(self.client.get_object(Bucket=self.bucket, Key=self._key(name), **part)["Body"].read())

    def write_bytes(self, name: str, content: bytes) -> None:
        with self._reached(name):
            self.client.put_object(Bucket=self.bucket, Key=self._key(name), Body=content)

    def names(self) -> list[str]:
        found: list[str] = []
        for page in self._pages(Delimiter="/"):
            found += [entry["Prefix"].rstrip("/") for entry in page.get("CommonPrefixes", ())]
            found += [entry["Key"] for entry in page.get("Contents", ())]
        return sorted(key.removeprefix(self._below()) for key in found)

    def files(self) -> Iterator[StoredFile]:
        for page in self._pages():
            for entry in page.get("Contents", ()):
                if not entry["Key"].endswith("/"):
                    yield self._stored(entry["Key"], entry["Size"], entry)

    def stat(self, name: str) -> StoredFile | None:
        if not self._key(name):
            return None
        try:
            with self._reached(name):
                head = self.client.head_object(Bucket=self.bucket, Key=self._key(name))
        except FileNotFoundError:
            return None
        return self._stored(self._key(name), head["ContentLength"], head)

    def delete(self, name: str) -> None:
        with self._reached(name):
            self.client.delete_object(Bucket=self.bucket, Key=self._key(name))
            for file in (self / name).files():
                self.client.delete_object(Bucket=self.bucket, Key=f"{self._key(name)}/{file.name}")

    def checksum(self, file: StoredFile) -> str:
        return f"etag:{file.etag}"

    def growing(self, files: Sequence[StoredFile]) -> set[str]:  # noqa: ARG002
        return set()

    def _key(self, name: str) -> str:
        return "/".join(part for part in (self.prefix, name) if part)

    def _below(self) -> str:
        return f"{self.prefix}/" if self.prefix else ""

    def _pages(self, **options: str) -> Iterator[dict[str, Any]]:
        lister = self.client.get_paginator("list_objects_v2")
        with self._reached(""):
            yield from lister.paginate(Bucket=self.bucket, Prefix=self._below(), **options)

    @contextmanager
    def _reached(self, name: str) -> Iterator[None]:
        """FileNotFoundError where there is no such object, LakeError for all else that S3 refuses."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            if code in _MISSING:
                raise FileNotFoundError(2, "no such object", self.uri(name)) from error
            remedy = "Check the credentials, the bucket and the role."
            raise LakeError(f"cannot reach {self.uri(name)}: {error}. {remedy}") from error

    def _stored(self, key: str, size: int, entry: Any) -> StoredFile:
        modified = int(entry["LastModified"].timestamp() * 1e9)
        return StoredFile(key.removeprefix(self._below()), size, modified, entry["ETag"].strip('"'))


def open_folder(url: str | Path, s3: Any = None) -> Folder:
    """The folder that `url` names: a path, or `s3://bucket/prefix`, reached with the boto3 client `s3`.

    Without a client the machine's own credentials are used: on Glue, those of the job's role.
    """
    text = str(url)
    scheme = next((scheme for scheme in S3_SCHEMES if text.startswith(scheme)), None)
    if scheme is None:
        return LocalFolder(Path(text))
    bucket, _, prefix = text.removeprefix(scheme).partition("/")
    return S3Folder(bucket, prefix, s3 or _own_client())


def _own_client() -> Any:
    import boto3
    from botocore.config import Config

    retries = Config(retries={"mode": "standard", "total_max_attempts": 8}, connect_timeout=10, read_timeout=60)
    return boto3.client("s3", config=retries)
