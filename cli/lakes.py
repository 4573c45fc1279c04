"""The lake that a command reads, and the raw files beside it."""

from pathlib import Path
from typing import Any, NamedTuple

from infrastructure.local.paths import DEFAULT_RAW, lake_folder
from lake.storage import Folder, open_folder


class RawAndLake(NamedTuple):
    """Where raw files are, the lake, and the client for places on S3."""

    raw: str
    lake: Folder
    s3: Any = None


def local_lake(lake: Path | None) -> Folder:
    """Return the lake of this machine, or another folder."""
    return open_folder(lake or lake_folder())


def local_raw_and_lake(raw: str | None, lake: Path | None) -> RawAndLake:
    """Return the places of this machine, or other folders."""
    return RawAndLake(raw or DEFAULT_RAW, local_lake(lake))
