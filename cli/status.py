"""`churn status` and `churn report`."""

import json
import webbrowser
from pathlib import Path
from typing import Any

from rich.table import Table

from cli.console import console
from contract.errors import LakeError, RawPathError
from infrastructure.local.paths import lake_folder
from infrastructure.local.services import SERVICES, running_port
from lake.landing import discover
from lake.manifests import Manifests
from lake.names import printable
from lake.results import Results
from lake.set_aside import SetAsideFiles
from lake.storage import open_folder
from serving.lake_sql import row_count, table_names, version
from serving.quality_report import REPORT


def show_status(raw: Path, lake: Path | None, *, as_json: bool) -> None:
    """Print tables, the last run and the files that wait."""
    facts = _facts(raw, lake or lake_folder())
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        _print(facts)


def show_report(lake: Path | None, *, open_it: bool) -> None:
    """Print the path of the quality report, and open it. Raises LakeError."""
    path = (lake or lake_folder()) / REPORT
    if not path.exists():
        raise LakeError(f"there is no report at {path} yet. Create one with: churn run")
    print(path)
    if open_it:
        webbrowser.open(path.resolve().as_uri())


def _facts(raw: Path, lake: Path) -> dict[str, Any]:
    results = Results(open_folder(lake))
    run_ids = results.run_ids()
    last = results.for_run(run_ids[-1]) if run_ids else []
    return {
        "lake": str(lake.resolve()),
        "tables": [{"table": n, "version": version(lake, n), "rows": row_count(lake, n)} for n in table_names(lake)],
        "last_run": {"run_id": run_ids[-1], "outcomes": {r.name: r.outcome for r in last}} if run_ids else None,
        "raw": _waiting(raw, lake),
        "servers": {service.name: running_port(service) for service in SERVICES},
    }


def _waiting(raw: Path, lake: Path) -> dict[str, Any]:
    try:
        folder = open_folder(lake)
        arrivals = discover(str(raw), Manifests(folder), judged=SetAsideFiles(folder).read())
    except RawPathError as error:
        return {"path": str(raw), "problem": str(error)}
    return {
        "path": str(raw),
        "known": arrivals.known,
        "new": [{"file": file.path, "feed": file.feed, "bytes": file.size} for file in arrivals.new],
        "left_for_later": list(arrivals.waiting),
        "set_aside": [{"file": printable(file.path), "reason": file.reason} for file in arrivals.set_aside],
    }


def _print(facts: dict[str, Any]) -> None:
    out = console()
    table = Table(title=f"Lake {facts['lake']}", title_justify="left", box=None, header_style="bold")
    for column, side in (("Table", "left"), ("Version", "right"), ("Rows", "right")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for row in facts["tables"]:
        table.add_row(row["table"], str(row["version"]), f"{row['rows']:,}")
    out.print(table if facts["tables"] else f"Lake {facts['lake']}: no table yet. Create them with: churn run")
    last, raw = facts["last_run"], facts["raw"]
    if last:
        outcomes = ", ".join(f"{name} {outcome}" for name, outcome in last["outcomes"].items())
        out.print(f"Last run {last['run_id']}: {outcomes}", highlight=False)
    out.print(
        raw.get("problem") or f"Raw {raw['path']}: {len(raw['new'])} to ingest, {raw['known']} known", highlight=False
    )
    for file in raw.get("new", []):
        out.print(f"  new: {printable(file['file'])} ({file['feed']}, {file['bytes']:,} bytes)", highlight=False)
    for name in raw.get("left_for_later", []):
        out.print(f"  left for later, empty or being written: {printable(name)}", highlight=False)
    for file in raw.get("set_aside", []):
        out.print(f"  set aside: {file['file']}: {file['reason']}", highlight=False)
    for name, port in facts["servers"].items():
        where = f"port {port}" if port else "running"
        out.print(f"{name}: {'not running' if port is None else where}", highlight=False)
