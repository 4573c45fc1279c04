"""Options that several commands share."""

from typing import Annotated

import typer

PlatformName = Annotated[
    str | None, typer.Option("--platform", help="A saved Platform block, e.g. aws.", show_default="this machine")
]
