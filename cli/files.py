"""`churn files`: what has become of every raw file."""

import json
from collections import Counter
from datetime import UTC, datetime

from rich.table import Table

from cli.console import console
from cli.lakes import RawAndLake
from lake.file_states import NEXT_STEP, State
from lake.files import FileList, FileState, list_files
from lake.names import printable


def show_files(places: RawAndLake, state: State | None, *, as_json: bool) -> None:
    """Print the raw files, or those in one state. Raises RawPathError."""
    found = list_files(places.raw, places.lake, datetime.now(UTC), places.s3)
    shown = [file for file in found.files if state in (None, file.state)]
    if as_json:
        print(json.dumps([file.as_dict() for file in shown], indent=2))
    else:
        _print(shown, found)


def _print(shown: list[FileState], found: FileList) -> None:
    out = console()
    table = Table(box=None, header_style="bold")
    for column in ("State", "File", "Feed", "Event time (from)"):
        table.add_column(column, overflow="fold")
    for column in ("Batch", "Rows"):
        table.add_column(column, justify="right")
    for file in shown:
        moment = f"{file.event_at[:19].replace('T', ' ')} ({file.event_from or 'unknown'})" if file.event_at else ""
        batch, rows = ("" if number is None else f"{number:,}" for number in (file.batch, file.rows))
        table.add_row(file.state, printable(file.path), file.feed, moment, batch, rows)
    out.print(table if shown else "No file.")
    for file in shown:
        since = f" (since {file.since[:10]})" if file.since else ""
        for text in filter(None, (file.reason, file.note)):
            out.print(f"{printable(file.path)}: {text}{since}", highlight=False)
    counts = Counter(file.state for file in found.files)
    for name, step in NEXT_STEP.items():
        if counts[name]:
            out.print(f"{counts[name]:,} {name}: {step}.", highlight=False)
    if found.hidden:
        out.print(
            f"{found.hidden:,} hidden (a name or folder that starts with . or _): not looked at.", highlight=False
        )
