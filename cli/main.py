"""The `churn` command. Heavy imports wait until a command needs them: help is instant."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.options import PlatformName
from cli.tableau import app as tableau_app
from dashboard.content import CustomerIds

app = typer.Typer(
    name="churn",
    help="Telecom churn lakehouse: raw files to gated Delta tables to the warehouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="State lives in .churn; CHURN_HOME moves it. Errors exit with 1, wrong usage with 2.",
)
app.add_typer(tableau_app, name="tableau")
Lake = Annotated[Path | None, typer.Option("--lake", help="Root of the Delta tables.", show_default="<state>/lake")]
Region = Annotated[str | None, typer.Option(help="AWS region.", show_default="the profile's")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def generate(
    customers: Annotated[int, typer.Option(min=1, help="Customers on the first day.")] = 7_000,
    days: Annotated[int, typer.Option(min=1, help="Days: a full load, then daily changes.")] = 3,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("data/raw"),
    seed: Annotated[int, typer.Option(help="Same seed, same files.")] = 7,
    layout: Annotated[str, typer.Option(help="feeds, flat33 or flat21.")] = "feeds",
    faults: Annotated[int, typer.Option(min=0, help="Faulty records of each kind on the first day (feeds only).")] = 2,
    compress: Annotated[bool, typer.Option("--compress", help="Gzip the JSON files.")] = False,
) -> None:
    """Make sample data: the operator's three feeds, or flat files."""
    from cli.generate import generate_files

    generate_files(customers, days, out, seed, layout, faults, compress=compress)


@app.command()
def run(
    raw: Annotated[
        str | None,
        typer.Option(
            help="Folder of feeds, folder of flat files, or one file.", show_default="data/raw, or the platform's"
        ),
    ] = None,
    lake: Lake = None,
    platform: PlatformName = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Rebuild silver, gold and the warehouse.")
    ] = False,
    max_quarantined_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of faulty rows above which a batch is stopped.")
    ] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Bring the lake and the warehouse up to date with the raw files."""
    from cli.run import run_on_platform, run_road

    if platform:
        run_on_platform(
            platform, raw, full_refresh=full_refresh, max_quarantined_share=max_quarantined_share, as_json=as_json
        )
        return
    run_road(
        Path(raw or "data/raw"),
        lake,
        full_refresh=full_refresh,
        max_quarantined_share=max_quarantined_share,
        as_json=as_json,
    )


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over bronze.*, silver.*, gold.* or the warehouse.")],
    on: Annotated[str, typer.Option(help="lake or warehouse.")] = "lake",
    lake: Lake = None,
    platform: PlatformName = None,
    as_json: AsJson = False,
) -> None:
    """Ask the lake or the warehouse; the lake of a platform through Athena."""
    from cli.query import run_query

    run_query(sql, on, lake, platform, as_json=as_json)


@app.command()
def status(
    raw: Annotated[Path, typer.Option(help="Raw path to look for new files in.")] = Path("data/raw"),
    lake: Lake = None,
    as_json: AsJson = False,
) -> None:
    """Tables, versions, rows, the last run, and what waits to be ingested."""
    from cli.status import show_status

    show_status(raw, lake, as_json=as_json)


@app.command()
def report(
    lake: Lake = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Print the path of the quality report."""
    from cli.status import show_report

    show_report(lake, open_it=open_it)


@app.command()
def dashboard(
    lake: Lake = None,
    platform: PlatformName = None,
    out: Annotated[Path | None, typer.Option(help="File to write.", show_default="<state>/dashboard.html")] = None,
    ids: Annotated[CustomerIds, typer.Option(help="How customers to call are named.")] = "shown",
    open_it: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
) -> None:
    """Write the churn dashboard as one HTML file, print its path and open it."""
    from cli.dashboard import show_dashboard

    show_dashboard(lake, platform, out, ids, open_it=open_it)


@app.command()
def package(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("dist"),
) -> None:
    """Build what AWS Glue runs: the script and a zip of its packages."""
    from cli.cloud import build_package

    build_package(out)


@app.command()
def deploy(
    stack: Annotated[str, typer.Option(help="Name of the CloudFormation stack.")] = "churn-lakehouse",
    region: Region = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of a template parameter; may be repeated.")
    ] = None,
    block: Annotated[str, typer.Option(help="Name under which the Platform block is saved.")] = "aws",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be made; needs no account.")] = False,
    yes: Yes = False,
) -> None:
    """Build, upload, and create or update the stack on AWS; save its Platform block."""
    from cli.cloud import deploy_stack

    deploy_stack(stack, region, parameter or [], block, dry_run=dry_run, is_sure=yes)


@app.command()
def destroy(
    stack: Annotated[str, typer.Option(help="Name of the CloudFormation stack.")],
    region: Region = None,
    delete_data: Annotated[bool, typer.Option("--delete-data", help="Also delete the buckets with all data.")] = False,
    confirm: Annotated[str, typer.Option(help="With --delete-data: the stack's name once more.")] = "",
    yes: Yes = False,
) -> None:
    """Delete the stack; data stays unless it is asked for twice."""
    from cli.cloud import destroy_stack

    destroy_stack(stack, region, delete_data=delete_data, confirmed=confirm, is_sure=yes)


Raw = Annotated[Path, typer.Option("--raw", help="Folder that raw files arrive in.")]


@app.command()
def up(raw: Raw = Path("data/raw"), lake: Lake = None) -> None:
    """Run the platform on this machine: Prefect, worker, deployments, warehouse, watcher of raw files."""
    from cli.control_room import up as start_all

    start_all(raw, lake)


@app.command()
def down() -> None:
    """Stop everything that runs on this machine; all state is kept."""
    from cli.control_room import down as stop_all

    stop_all()


@app.command()
def watch(raw: Raw = Path("data/raw"), lake: Lake = None, platform: PlatformName = None) -> None:
    """Turn arriving raw files into events that start runs: a folder's, or those of a platform's queue."""
    from cli.control_room import watch as watch_arrivals

    watch_arrivals(platform, raw, lake)


@app.command()
def blocks() -> None:
    """Make the platform's block types known to Prefect."""
    from cli.cloud import use_prefect

    use_prefect()
    from cli.control_room import register_blocks

    print(f"{register_blocks()} block types registered")


def main() -> None:
    """Entry point: errors that a user can mend are one message, not a traceback."""
    from transforms.errors import ChurnError

    try:
        app()
    except ChurnError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
