"""`churn query`."""

import json
import sys
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from cli.terminal import console
from local.home import lake_folder
from transforms.errors import QueryError, WarehouseError


def run_query(sql: str, on: str, lake: Path | None, platform: str | None, *, as_json: bool) -> None:
    if on not in ("lake", "warehouse"):
        raise typer.BadParameter(f"{on!r} is neither lake nor warehouse", param_hint="--on")
    if on == "warehouse":
        columns, rows = _ask_warehouse(sql, platform)
    else:
        columns, rows = _ask_athena(sql, platform) if platform else _ask_lake(sql, lake)
    if as_json:
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=2, default=str))
        return
    table = Table(box=None, header_style="bold")
    for position, column in enumerate(columns):
        is_number = bool(rows) and isinstance(rows[0][position], int | float)
        table.add_column(column, justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console().print(table)
    console().print(f"({len(rows):,} rows)", style="dim")


def _ask_lake(sql: str, lake: Path | None) -> tuple[list[str], list[tuple[Any, ...]]]:
    from local.lake_sql import query

    return query(lake or lake_folder(), sql)


def _ask_athena(sql: str, platform: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Progress and cost go to standard error: standard output is for the answer."""
    from cli.cloud import load_platform
    from local.lake_sql import for_athena

    found = load_platform(platform)
    if found.athena is None or found.catalog is None:
        raise QueryError(f"the platform {platform} has no Athena. Fill in its block, or deploy the stack again.")
    answer = found.athena.query(for_athena(sql, found.catalog.prefix), lambda line: print(line, file=sys.stderr))
    print(f"{answer.scanned_bytes:,} bytes scanned, about ${answer.usd:.6f}", file=sys.stderr)
    return answer.columns, list(answer.rows)


def _ask_warehouse(sql: str, platform: str | None) -> tuple[list[str], list[tuple[Any, ...]]]:
    from cli.cloud import platform_named

    warehouse = platform_named(platform).warehouse
    from blocks.redshift import run_with_columns

    with warehouse.connection() as connection:
        try:
            return run_with_columns(connection, sql)
        except WarehouseError as error:
            raise QueryError(str(error)) from error
