"""`churn batches`: what was ingested when."""

import json
from collections.abc import Set
from typing import Any

from rich.table import Table

from cli.console import console
from lake.deliveries import Deliveries
from lake.manifests import Batch, Manifests
from lake.storage import Folder

# As manifests call it: a file is discarded by an operator, which is something else.
_STATES = {"discarded": "rolled_back"}


def show_batches(lake: Folder, last: int, *, as_json: bool) -> None:
    """Print the `last` ingest batches, the newest first. Raises LakeError for a damaged manifest or list of deliveries."""
    batches = Manifests(lake).history(last)
    discarded = {delivery.key for delivery in Deliveries(lake).read() if delivery.state == "discarded"}
    facts = [_facts(batch, discarded) for batch in reversed(batches)]
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        _print(facts)


def _facts(batch: Batch, discarded: Set[tuple[int, str]]) -> dict[str, Any]:
    rows = [file.rows for file in batch.files if file.rows is not None]
    return {
        "batch": batch.number,
        "state": _STATES.get(batch.state, batch.state),
        "started_at": batch.started_at,
        "files": len(batch.files),
        "files_discarded": sum((batch.number, file.path) in discarded for file in batch.files),
        "feeds": sorted({file.feed for file in batch.files}),
        "rows": sum(rows) if rows else None,
        "rebuilt": batch.is_rebuilt,
    }


def _print(facts: list[dict[str, Any]]) -> None:
    out = console()
    if not facts:
        out.print("No batch yet. Ingest raw files with: churn run")
        return
    table = Table(box=None, header_style="bold")
    table.add_column("Batch", justify="right")
    for column in ("State", "Started (UTC)", "Feeds"):
        table.add_column(column)
    for column in ("Files", "Rows"):
        table.add_column(column, justify="right")
    for row in facts:
        state = row["state"].replace("_", " ") + (", rebuilt" if row["rebuilt"] else "")
        started = row["started_at"][:19].replace("T", " ")
        rows = "" if row["rows"] is None else f"{row['rows']:,}"
        files = f"{row['files']:,}" + (f" ({row['files_discarded']:,} discarded)" if row["files_discarded"] else "")
        table.add_row(str(row["batch"]), state, started, ", ".join(row["feeds"]), files, rows)
    out.print(table)
    if any(row["state"] == "rolled_back" for row in facts):
        out.print("rolled back: stopped or interrupted. None of its rows is in bronze; a later batch has its files.")
    if any(row["files_discarded"] for row in facts):
        out.print("discarded files: an operator has taken them back; their rows are in bronze and count nowhere else.")
