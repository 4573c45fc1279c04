"""Raw files as DataFrames: staged as Parquet by this process, or by Spark's workers where there is much to read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pyspark.sql import DataFrame, SparkSession

from contract.feeds import Feed
from jobs.session import SMALL_INPUT_BYTES
from lake.landing import RawFile
from lake.raw.files import FileAccount, stage_files, staged_schema
from lake.storage import Folder, open_folder
from transforms.bronze import bronze_rows

_GLOB = re.compile(r"([\[\]{}*?\\])")


@dataclass(frozen=True)
class FeedRows:
    """The bronze rows of a feed's files, and what became of each file. Files that cannot be read have no rows."""

    rows: DataFrame
    accounts: tuple[FileAccount, ...]

    @property
    def records(self) -> int:
        """Return how many records were received, faulty ones included."""
        return sum(account.records for account in self.accounts)

    @property
    def files(self) -> int:
        """Return how many files were read to their end."""
        return len(self.accounts) - len(self.faults)

    @property
    def faults(self) -> dict[str, str]:
        """Return the files that cannot be read, and why."""
        return {account.path: account.fault for account in self.accounts if account.fault}


def read_feed(
    session: SparkSession, feed: Feed, files: Sequence[RawFile], batch_id: int, ingested_at: datetime, staging: Folder
) -> FeedRows:
    """Return the bronze rows of `files`, all of one feed, and their accounts.

    The rows are read from `staging`, which must be empty before, and kept for as long as the rows are used.
    """
    if sum(file.size for file in files) < SMALL_INPUT_BYTES:
        accounts = stage_files(files, feed, staging, "part")
    else:
        numbered = session.sparkContext.parallelize(list(enumerate(files)), len(files))
        accounts = numbered.map(partial(_stage_file, feed=feed, staging=staging.uri())).collect()
    columns = ", ".join(f"`{name}` string" for name in staged_schema(feed).names)
    staged = session.read.schema(columns).parquet(_GLOB.sub(r"\\\1", staging.uri()))
    return FeedRows(bronze_rows(staged, feed, accounts, batch_id, ingested_at), tuple(accounts))


def _stage_file(numbered: tuple[int, RawFile], feed: Feed, staging: str) -> FileAccount:
    number, file = numbered
    return stage_files([file], feed, open_folder(staging), f"file-{number:06d}")[0]
