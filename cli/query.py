"""`churn query`."""

import json
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from cli.terminal import console
from local.home import lake_folder
from transforms.errors import QueryError, WarehouseError


def run_query(sql: str, on: str, lake: Path | None, *, as_json: bool) -> None:
    if on not in ("lake", "warehouse"):
        raise typer.BadParameter(f"{on!r} is neither lake nor warehouse", param_hint="--on")
    columns, rows = _ask_warehouse(sql) if on == "warehouse" else _ask_lake(sql, lake)
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


def _ask_warehouse(sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    from blocks.platform import Platform
    from blocks.redshift import run_with_columns
    from local.services import WAREHOUSE, start, wait_until_ready

    start(WAREHOUSE)
    wait_until_ready(WAREHOUSE)
    with Platform.local().warehouse.connection() as connection:
        try:
            return run_with_columns(connection, sql)
        except WarehouseError as error:
            raise QueryError(str(error)) from error
