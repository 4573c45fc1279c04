"""What `churn run` prints at its end."""

import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from contract.metrics import HEADLINES, METRICS
from flows.churn_pipeline import PipelineResult
from infrastructure.local.services import HOST, warehouse_folder
from lake.results import JobResult, Results, accounts_of, files_held, files_set_aside, total
from serving.warehouse.sql import TARGET
from tasks.files import format_files
from tasks.warehouse import Load

_COLOURS = {"passed": "green", "warned": "yellow", "failed": "red", "broken": "red", "unchanged": "dim"}


def as_dict(result: PipelineResult, platform: Platform, prefect: str, seconds: float) -> dict[str, Any]:
    """Return the summary for programs."""
    return {
        "run_id": result.run_id,
        "seconds": round(seconds, 1),
        "kpis": _kpis(platform),
        "tables": [
            {
                "table": r.name,
                "outcome": r.outcome,
                "version": r.version_after,
                "rows_read": r.rows_read,
                "rows_written": r.rows_written,
                "rows_quarantined": r.rows_quarantined,
                "notes": list(r.notes),
            }
            for r in result.results
        ],
        "set_aside": [asdict(file) for file in files_set_aside(result.results)],
        "held": [asdict(file) for file in files_held(result.results)],
        "accounts": [asdict(account) for account in accounts_of(result.results)],
        "warehouse": _load_as_dict(platform.warehouse, result.load) if platform.warehouse else None,
        "lake": platform.lake,
        "report": result.report,
        "dashboard": result.dashboard,
        "prefect": prefect,
    }


def print_summary(console: Console, result: PipelineResult, platform: Platform, prefect: str, seconds: float) -> None:
    """Print the summary for people."""
    console.print()
    console.print(_kpi_table(_kpis(platform)))
    console.print(_table_table(result.results))
    if accounts := accounts_of(result.results):
        console.print(f"Records: {total(accounts).counts()}", highlight=False)
    for note in sorted(
        {note for r in result.results for note in r.notes if r.outcome != "unchanged" or r.job == "bronze" or r.held}
    ):
        console.print(f"  {note}", style="dim", highlight=False)
    problems = format_files(result.results)
    if problems:
        console.print(f"Completed with {problems}. All other files were used.", style="yellow", highlight=False)
    if result.load.note:
        console.print(f"  {result.load.note}", highlight=False)
    elif all(r.outcome == "unchanged" for r in result.results):
        console.print("Nothing new: every table is up to date.")
    places = {
        "Lake": platform.lake,
        "Dashboard": result.dashboard or "none yet",
        "Quality report": result.report,
        "Warehouse": _warehouse(platform.warehouse, result.load.table_rows) if platform.warehouse else "none",
        "Prefect": prefect,
    }
    for name, place in places.items():
        console.print(f"{name + ':':<16}{place}", highlight=False, soft_wrap=True)
    console.print(f"\nDone in {seconds:.1f} s. Next:", highlight=False)
    for line in _next_commands(platform):
        console.print(f"  {line}", highlight=False, soft_wrap=True)


def _next_commands(platform: Platform) -> list[str]:
    churn, options = _command(), f" {platform.command_options}" if platform.command_options else ""
    on_warehouse = f'{churn} query{options} --on warehouse "SELECT risk_segment, count(*) FROM {TARGET} GROUP BY 1"'
    is_here = platform.credentials is None
    pages = ("dashboard", "status", "report") if is_here else ("dashboard", "files", "doctor")
    return [
        f'{churn} query{options} "SELECT dimension, value, customers, churn_rate FROM gold.churn_breakdown ORDER BY churn_rate DESC LIMIT 10"',
        *([on_warehouse] if platform.warehouse else []),
        "     ".join([*(f"{churn} {page}{options}" for page in pages), *([f"{churn} down"] if is_here else [])]),
    ]


def _command() -> str:
    """How the user can call the command: as it was called, where it is not on the path."""
    if shutil.which("churn"):
        return "churn"
    return sys.argv[0] if Path(sys.argv[0]).name == "churn" else ".venv/bin/churn"


def _load_as_dict(block: RedshiftWarehouse, load: Load) -> dict[str, Any]:
    return {
        "version": load.version,
        "rows_loaded": load.rows_loaded,
        "table_rows": load.table_rows,
        "note": load.note,
        "host": block.host,
        "port": block.port,
    }


def _warehouse(block: RedshiftWarehouse, rows: int) -> str:
    login = f"password in {warehouse_folder() / 'password'}" if block.host == HOST else block.login
    user = f"{block.user}@" if block.user else ""
    return f"{user}{block.host}:{block.port}/{block.database}, table {TARGET}, {rows:,} rows ({login})"


def _kpis(platform: Platform) -> dict[str, float | None]:
    """The newest KPIs, None for one that is unknown; empty before the first."""
    newest = next(Results(platform.folder()).history("gold.churn_kpis"), None)
    found = newest.statistics.kpis if newest else {}
    return dict.fromkeys(METRICS) | found if found else {}


def _kpi_table(kpis: dict[str, float | None]) -> Table:
    table = Table(title="Churn KPIs", title_justify="left", show_header=False, box=None)
    for name in HEADLINES if kpis else ():
        table.add_row(METRICS[name].label, METRICS[name].text(kpis[name]))
    return table


def _table_table(results: list[JobResult]) -> Table:
    table = Table(title="Tables", title_justify="left", box=None, header_style="bold")
    table.add_column("Table", no_wrap=True)
    table.add_column("Outcome")
    for column in ("Version", "Rows in", "Written", "Quarantined", "Seconds"):
        table.add_column(column, justify="right")
    for r in results:
        version = "" if r.version_after is None else str(r.version_after)
        numbers = (f"{r.rows_read:,}", f"{r.rows_written:,}", f"{r.rows_quarantined:,}", f"{r.seconds:.1f}")
        table.add_row(r.name, Text(r.outcome, style=_COLOURS[r.outcome]), version, *numbers)
    return table
