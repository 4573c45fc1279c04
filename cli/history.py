"""`churn history`: how one customer changed."""

import json
from pathlib import Path

from rich.table import Table

from cli.console import console
from infrastructure.local.paths import lake_folder
from serving.history import display_rows, history_of


def show_history(lake: Path | None, customer_id: str, *, as_json: bool) -> None:
    """Print the history of a customer in this machine's lake, or another one. Raises UnknownCustomerError, QueryError."""
    rows = history_of(lake or lake_folder(), customer_id)
    if as_json:
        print(json.dumps(rows, indent=2, default=str))
        return
    table = Table(box=None, header_style="bold")
    for name in ("from (UTC)", "recorded (UTC)", "", "what changed"):
        table.add_column(name, no_wrap=name == "from (UTC)")
    for row in display_rows(rows):
        table.add_row(*row)
    console().print(table)
