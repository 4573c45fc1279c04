"""Folders on S3."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from contract.errors import LakeError, UnreadableFileError
from lake.storage import Folder
from lake.walk import StoredFile

_MISSING = ("NoSuchKey", "404", "PreconditionFailed")  # the last: another content has that name now
# About one object, not about S3: its own access rules or key, or a storage class from which it has to be restored.
_UNREADABLE = ("AccessDenied", "403", "InvalidObjectState")
_PART_BYTES = 8 * 1024 * 1024


class S3Folder(Folder):
    """A prefix of a bucket. An object appears only when it is complete."""

    def __init__(self, bucket: str, prefix: str, client: Any) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self.client = client

    def __truediv__(self, name: str) -> Self:
        return type(self)(self.bucket, self._key(name), self.client)

    def uri(self, name: str = "") -> str:
        """Return `s3://bucket/key`."""
        return f"s3://{self.bucket}/{self._key(name)}"

    def read_bytes(self, name: str, limit: int | None = None) -> bytes:
        """Return the content, or its first `limit` bytes. Raises FileNotFoundError, UnreadableFileError, LakeError."""
        part = {} if limit is None else {"Range": f"bytes=0-{limit - 1}"}
        with self._reached(name):
            return bytes(self.client.get_object(Bucket=self.bucket, Key=self._key(name), **part)["Body"].read())

    def open(self, name: str) -> BinaryIO:
        """Return the content as a stream, fetched in parts. Raises FileNotFoundError, LakeError: reading it may, too."""
        found = self.stat(name)
        if found is None:
            raise FileNotFoundError(2, "no such object", self.uri(name))
        return io.BufferedReader(_Object(lambda first, last: self._part(name, found.etag, first, last), found.size))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Put an object. Raises LakeError."""
        with self._reached(name):
            self.client.put_object(Bucket=self.bucket, Key=self._key(name), Body=content)

    def names(self, start_after: str = "") -> list[str]:
        """Return the names right below that come after `start_after`, sorted; none for an empty prefix. Raises LakeError."""
        found: list[str] = []
        after = {"StartAfter": self._key(start_after)} if start_after else {}
        for page in self._pages(Delimiter="/", **after):
            found += [entry["Prefix"].rstrip("/") for entry in page.get("CommonPrefixes", ())]
            found += [entry["Key"] for entry in page.get("Contents", ())]
        names = sorted(key.removeprefix(self._below()) for key in found)
        return [name for name in names if name > start_after]

    def entries(self) -> Iterator[StoredFile]:
        """Yield every object below the prefix, sorted by name. Raises LakeError."""
        for page in self._pages():
            for entry in page.get("Contents", ()):
                if not entry["Key"].endswith("/"):
                    yield self._stored(entry["Key"], entry["Size"], entry)

    def stat(self, name: str) -> StoredFile | None:
        """Return one object, None when there is none. Raises LakeError."""
        if not self._key(name):
            return None
        try:
            with self._reached(name):
                head = self.client.head_object(Bucket=self.bucket, Key=self._key(name))
        except FileNotFoundError:
            return None
        return self._stored(self._key(name), head["ContentLength"], head)

    def find(self, name: str) -> StoredFile | None:
        """Return one object as the list of its bucket has it, None when there is none. Raises LakeError."""
        key = self._key(name)
        if not key:
            return None
        with self._reached(name):  # of all keys that begin with this one, it is the first
            page = self.client.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)
        found = [entry for entry in page.get("Contents", ()) if entry["Key"] == key]
        return self._stored(key, found[0]["Size"], found[0]) if found else None

    def delete(self, name: str) -> None:
        """Delete an object and all below its name. Raises LakeError."""
        with self._reached(name):
            self.client.delete_object(Bucket=self.bucket, Key=self._key(name))
            for file in (self / name).files():
                self.client.delete_object(Bucket=self.bucket, Key=f"{self._key(name)}/{file.name}")

    def checksum(self, file: StoredFile) -> str:
        """Return the ETag: it changes when the content does."""
        return f"etag:{file.etag}"

    def still_being_written(self, files: Sequence[StoredFile]) -> set[str]:  # noqa: ARG002
        """Return nothing: an object appears only when it is complete."""
        return set()

    def _part(self, name: str, etag: str, first: int, last: int) -> bytes:
        """Bytes `first` to `last` of an object. Raises FileNotFoundError also when it was replaced in the meantime."""
        place = {"Bucket": self.bucket, "Key": self._key(name), "IfMatch": f'"{etag}"'}
        with self._reached(name):
            return bytes(self.client.get_object(**place, Range=f"bytes={first}-{last}")["Body"].read())

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
        """Translate errors of S3. Raises FileNotFoundError, UnreadableFileError for one object, LakeError for any other."""
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            if code in _MISSING:
                raise FileNotFoundError(2, "no such object", self.uri(name)) from error
            remedy = "Check the credentials, the bucket and the role."
            kind = UnreadableFileError if code in _UNREADABLE else LakeError
            raise kind(f"cannot reach {self.uri(name)}: {error}. {remedy}") from error

    def _stored(self, key: str, size: int, entry: Any) -> StoredFile:
        modified = int(entry["LastModified"].timestamp() * 1e9)
        return StoredFile(key.removeprefix(self._below()), size, modified, entry["ETag"].strip('"'))


class _Object(io.RawIOBase):
    """The content of an object, in parts: a connection that is open while a file is parsed would time out."""

    def __init__(self, part: Callable[[int, int], bytes], size: int) -> None:
        self._part = part
        self._size = size
        self._position = 0
        self._unread = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        """Fill `target` from the current part, which is fetched when it is needed; return the number of bytes."""
        if not self._unread and self._position < self._size:
            last = min(self._position + _PART_BYTES, self._size) - 1
            self._unread = memoryview(self._part(self._position, last))
            self._position = last + 1
        count = min(len(target), len(self._unread))
        target[:count] = self._unread[:count]
        self._unread = self._unread[count:]
        return count


def open_bucket(place: str, client: Any = None) -> S3Folder:
    """Return the folder `bucket/prefix`, reached with `client`, else with the machine's own credentials."""
    bucket, _, prefix = place.partition("/")
    return S3Folder(bucket, prefix, client or _own_client())


def _own_client() -> Any:
    retries = Config(retries={"mode": "standard", "total_max_attempts": 8}, connect_timeout=10, read_timeout=60)
    return boto3.client("s3", config=retries)
