"""`churn tableau build` and `churn tableau publish`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import PlatformName

app = typer.Typer(help="The Tableau workbook: build it, publish it.", no_args_is_help=True)


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("dist"),
    platform: PlatformName = None,
) -> None:
    """Write the workbook live on the warehouse (.twb), and one with an extract of it that needs no database (.twbx)."""
    from cli.cloud import platform_named
    from tableau.extract import build as build_workbooks
    from tableau.extract import fetch
    from tasks.tableau import server_of

    found = platform_named(platform)
    for path in build_workbooks(out, server_of(found), fetch(found.warehouse)):
        print(f"{path} ({path.stat().st_size:,} bytes)")


@app.command()
def publish(
    server: Annotated[str, typer.Option(help="A saved Churn Tableau Server block.")],
    platform: PlatformName = None,
    live: Annotated[bool, typer.Option("--live", help="The live workbook instead of the one with an extract.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Then refresh the extract, and wait for it.")] = False,
) -> None:
    """Publish the workbook to Tableau Server or Tableau Cloud; its id."""
    if live and refresh:
        raise typer.BadParameter("a live workbook has no extract to refresh", param_hint="--refresh")
    from cli.cloud import load_block, platform_named, use_prefect

    use_prefect()
    from blocks.tableau import TableauServer
    from flows.publish_tableau import publish_tableau

    block = load_block(TableauServer, server, "docs/dashboards.md says how to make one.")
    print(publish_tableau(platform_named(platform), block, live=live, refresh=refresh))
