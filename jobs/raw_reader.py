"""Raw files as DataFrames: staged as Parquet by this process, or by Spark's workers where there is much to read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from pyspark.sql import DataFrame, SparkSession

from contract.feeds import Feed
from jobs.session import SMALL_INPUT_BYTES
from lake.erasure.register import NOBODY, ErasedCustomers
from lake.landing import RawFile
from lake.raw.encoding import WINDOWS_1252
from lake.raw.files import FileAccount, stage_files, staged_columns
from lake.set_aside import SetAside
from lake.storage import Folder, open_folder
from transforms.bronze import bronze_rows

_GLOB = re.compile(r"([\[\]{}*?\\])")


@dataclass(frozen=True)
class Received:
    """What was received of a feed: its staged rows, and each file with its account."""

    feed: Feed
    staged: DataFrame
    files: tuple[tuple[RawFile, FileAccount], ...]

    @property
    def readable(self) -> list[RawFile]:
        """Return the files that were read to their end."""
        return [_read(file, account) for file, account in self.files if not account.fault]

    @property
    def set_aside(self) -> list[SetAside]:
        """Return the files that cannot be read to their end; none of their records counts."""
        return [file.refused(account.fault) for file, account in self.files if account.fault]

    @property
    def records_by_file(self) -> dict[str, int]:
        """Return how many records were received in each readable file, faulty ones included."""
        return {account.path: account.records for _, account in self.files if not account.fault}

    @property
    def records(self) -> int:
        """Return how many records were received, faulty ones included."""
        return sum(self.records_by_file.values())

    @property
    def erased(self) -> int:
        """Return how many records of the readable files were left out, as their customers are erased."""
        return sum(account.erased for _, account in self.files if not account.fault)

    def rows(self, batch_id: int, ingested_at: datetime) -> DataFrame:
        """Return the bronze rows of the readable files; they need the staging folder."""
        accounts = [account for _, account in self.files]
        return bronze_rows(self.staged, self.feed, accounts, batch_id, ingested_at)


def receive(
    session: SparkSession, feed: Feed, files: Sequence[RawFile], staging: Folder, erased: ErasedCustomers = NOBODY
) -> Received:
    """Read `files`, all of one feed, into the folder `staging`, which must be empty, and return what was received.

    Records of `erased` customers are left out.
    """
    if sum(file.size for file in files) < SMALL_INPUT_BYTES:
        accounts = stage_files(files, feed, staging, "part", erased=erased)
    else:
        numbered = session.sparkContext.parallelize(list(enumerate(files)), len(files))
        accounts = numbered.map(partial(_stage_file, feed=feed, staging=staging.uri(), erased=erased)).collect()
    staged = session.read.schema(staged_columns(feed)).parquet(_GLOB.sub(r"\\\1", staging.uri()))
    return Received(feed, staged, tuple(zip(files, accounts, strict=True)))


def _read(file: RawFile, account: FileAccount) -> RawFile:
    """The file with what became known when it was read."""
    guessed = "read as Windows-1252, as it is not UTF-8" if account.encoding == WINDOWS_1252 else ""
    told = file.told_rows if account.told is None else (*file.told_rows, account.told)
    note = "; ".join(filter(None, (file.note, guessed)))
    return replace(file, note=note, lacks=account.lacks, told_rows=told, erased=account.erased)


def _stage_file(numbered: tuple[int, RawFile], feed: Feed, staging: str, erased: ErasedCustomers) -> FileAccount:
    number, file = numbered
    return stage_files([file], feed, open_folder(staging), f"file-{number:06d}", erased=erased)[0]
