"""Delta's own log files, as far as they are read without Spark."""

from lake.storage import Folder

_LOG = "_delta_log"


def commit_file(table_path: str, version: int) -> str:
    """Return the name of one commit's file below the lake."""
    return f"{table_path}/{_LOG}/{version:020d}.json"


def is_table(lake: Folder, table_path: str) -> bool:
    """Return whether there is a Delta table: commit files are cleaned up, so that of version 0 proves nothing."""
    return any(name.endswith(".json") for name in (lake / table_path / _LOG).names())
