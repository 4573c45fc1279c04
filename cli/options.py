"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

PlatformName = Annotated[
    str | None, typer.Option("--platform", help="A saved Platform block, e.g. aws.", show_default="this machine")
]
Lake = Annotated[Path | None, typer.Option("--lake", help="Root of the Delta tables.", show_default="<state>/lake")]
Raw = Annotated[Path, typer.Option("--raw", help="Folder that raw files arrive in.")]
RawToRun = Annotated[
    str | None,
    typer.Option(
        "--raw", help="Folder of feeds, folder of flat files, or one file.", show_default="data/raw, or the platform's"
    ),
]
MaxQuarantinedShare = Annotated[
    float, typer.Option(min=0, max=1, help="Share of quarantined rows above which a file is held.")
]
MaxMissingShare = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Take snapshots that lack at most this share of the customers known before, whole or not.",
        show_default=False,
    ),
]
Region = Annotated[str | None, typer.Option(help="AWS region.", show_default="the profile's")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
