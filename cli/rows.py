"""How the rows of a query are shown."""

import json
from typing import Any

from rich.table import Table

from cli.console import console

Rows = tuple[list[str], list[tuple[Any, ...]]]


def show(found: Rows, *, as_json: bool) -> None:
    """Print rows as a table, or as JSON."""
    columns, rows = found
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
