"""Delta's own log files, as far as they are read without Spark."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lake.storage import Folder

_LOG = "_delta_log"
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint.*\.parquet")


@dataclass(frozen=True)
class LogFiles:
    """The files of a table's log: versions that have a commit file, and the names of checkpoint files by version."""

    commits: tuple[int, ...]
    checkpoints: Mapping[int, tuple[str, ...]]


def commit_file(table_path: str, version: int) -> str:
    """Return the name of one commit's file below the lake."""
    return f"{table_path}/{_LOG}/{version:020d}.json"


def log_folder(table_path: str) -> str:
    """Return the name of a table's log below the lake."""
    return f"{table_path}/{_LOG}"


def log_files(lake: Folder, table_path: str) -> LogFiles:
    """Return what the log of a table consists of; nothing where there is no table. Names are below the lake."""
    commits, checkpoints = [], dict[int, tuple[str, ...]]()
    for name in (lake / log_folder(table_path)).names():
        if found := _COMMIT.fullmatch(name):
            commits.append(int(found[1]))
        elif found := _CHECKPOINT.fullmatch(name):
            version = int(found[1])
            checkpoints[version] = (*checkpoints.get(version, ()), f"{log_folder(table_path)}/{name}")
    return LogFiles(tuple(commits), checkpoints)


def is_table(lake: Folder, table_path: str) -> bool:
    """Return whether there is a Delta table: commit files are cleaned up, so that of version 0 proves nothing."""
    return any(name.endswith(".json") for name in (lake / table_path / _LOG).names())


def last_change(lake: Folder, table_path: str) -> datetime | None:
    """Return when the data of a table last changed, None where no commit file says it.

    What rewrites the same rows, as maintenance does, is no change.
    """
    for version in sorted(log_files(lake, table_path).commits, reverse=True):
        actions = [json.loads(line) for line in lake.read_bytes(commit_file(table_path, version)).splitlines()]
        if any(action.get(kind, {}).get("dataChange") for action in actions for kind in ("add", "remove")):
            return datetime.fromtimestamp(_moment(actions) / 1000, UTC)
    return None


def lineage(lake: Folder, table_path: str, version: int) -> str:
    """Return the time (ms since 1970) and a hash of the commit that made a version, empty where Delta has removed its file.

    Versions of the same number in two copies of a lake have the same one only where the same commit made them.
    """
    name = commit_file(table_path, version)
    if not lake.exists(name):
        return ""
    content = lake.read_bytes(name)
    moment = _moment(json.loads(line) for line in content.splitlines())
    return f"{moment}-{hashlib.sha256(content).hexdigest()[:16]}"


def _moment(actions: Iterable[Mapping[str, Any]]) -> int:
    """The time of a commit in ms since 1970."""
    return next((action["commitInfo"].get("timestamp", 0) for action in actions if "commitInfo" in action), 0)
