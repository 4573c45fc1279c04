"""`churn tableau build` and `churn tableau publish`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from blocks.platform import Platform

app = typer.Typer(help="The Tableau workbook: build it, publish it.", no_args_is_help=True)
PlatformName = Annotated[
    str | None, typer.Option("--platform", help="A saved Platform block, e.g. aws.", show_default="this machine")
]


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("dist"),
    platform: PlatformName = None,
) -> None:
    """Write the workbook live on the warehouse (.twb), and one with an extract of it that needs no database (.twbx)."""
    from tableau.extract import build as build_workbooks
    from tableau.extract import fetch
    from tasks.tableau import server_of

    found = _platform(platform)
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
    from cli.cloud import use_prefect
    from transforms.errors import TableauError

    use_prefect()
    from blocks.tableau import TableauServer
    from flows.publish_tableau import publish_tableau

    try:
        block = TableauServer.load(server)
    except ValueError as error:
        raise TableauError(
            f"there is no block churn-tableau-server/{server}. docs/dashboards.md says how to make one."
        ) from error
    assert isinstance(block, TableauServer)
    print(publish_tableau(_platform(platform), block, live=live, refresh=refresh))


def _platform(name: str | None) -> "Platform":
    if name:
        from cli.cloud import load_platform

        return load_platform(name)
    from cli.cloud import local_platform

    return local_platform()
