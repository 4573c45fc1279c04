"""`churn batches`: what was ingested when."""

import json
from typing import Any

from rich.table import Table

from cli.console import console
from lake.manifests import Batch, Manifests
from lake.storage import Folder


def show_batches(lake: Folder, last: int, *, as_json: bool) -> None:
    """Print the `last` ingest batches, the newest first. Raises LakeError for a damaged manifest."""
    batches = Manifests(lake).history(last)
    facts = [_facts(batch) for batch in reversed(batches)]
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        _print(facts)


def _facts(batch: Batch) -> dict[str, Any]:
    rows = [file.rows for file in batch.files if file.rows is not None]
    return {
        "batch": batch.number,
        "state": batch.state,
        "started_at": batch.started_at,
        "files": len(batch.files),
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
        state = f"{row['state']}, rebuilt" if row["rebuilt"] else row["state"]
        started = row["started_at"][:19].replace("T", " ")
        rows = "" if row["rows"] is None else f"{row['rows']:,}"
        table.add_row(str(row["batch"]), state, started, ", ".join(row["feeds"]), f"{row['files']:,}", rows)
    out.print(table)
