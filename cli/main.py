"""The `churn` command. Each command's module is imported when it is called: help is instant."""

import sys
import time
from datetime import datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import AsJson, Lake, MaxMissingShare, MaxQuarantinedShare, PlatformName, Raw, RawToRun, Region, Yes
from contract import defaults
from contract.errors import ChurnError
from infrastructure.local.paths import DEFAULT_RAW
from lake.file_states import State
from serving.dashboard.content import CustomerIds

app = typer.Typer(
    name="churn",
    help="Telecom churn lakehouse: raw files to gated Delta tables to the warehouse.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="State is in .churn; CHURN_HOME moves it. Errors exit with 1, wrong usage with 2, `run --strict` with 3 where files are held or set aside, `trace` with 4 for a customer of whom nothing is known.",
)
tableau_app = typer.Typer(help="The Tableau workbook: build it, publish it.", no_args_is_help=True)
app.add_typer(tableau_app, name="tableau")


def _call(name: str, *arguments: Any, **options: Any) -> Any:
    """Import `cli.<module>` and call its function, given as `module:function`."""
    module, _, function = name.partition(":")
    return getattr(import_module(f"cli.{module}"), function)(*arguments, **options)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"churn {version('churn-lakehouse')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Telecom churn lakehouse: raw files to gated Delta tables to the warehouse."""


@app.command()
def generate(
    customers: Annotated[int, typer.Option(min=1, help="Customers on the first day.")] = 7_000,
    days: Annotated[int, typer.Option(min=1, help="Days: a full load, then daily changes.")] = 3,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(DEFAULT_RAW),
    seed: Annotated[int, typer.Option(help="Same seed, same files.")] = 7,
    layout: Annotated[str, typer.Option(help="feeds, flat33 or flat21.")] = "feeds",
    faults: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Faulty records of each kind on the first day (feeds only).",
            show_default="2, fewer where a file would be held",
        ),
    ] = None,
    compress: Annotated[bool, typer.Option("--compress", help="Gzip the JSON files.")] = False,
) -> None:
    """Create sample data: the operator's three feeds, or flat files."""
    _call("generate:generate_files", customers, days, out, seed, layout, faults, compress=compress)


@app.command()
def run(
    raw: RawToRun = None,
    lake: Lake = None,
    platform: PlatformName = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Rebuild silver, gold and the warehouse.")
    ] = False,
    max_quarantined_share: MaxQuarantinedShare = defaults.MAX_QUARANTINED_SHARE,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare also large known files by content, not by size and time.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 where files are held or set aside; without it, with 0.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the lake and the warehouse up to date with the raw files."""
    parameters = {"full_refresh": full_refresh, "max_quarantined_share": max_quarantined_share, "verify": verify}
    _run(raw, lake, platform, strict=strict, as_json=as_json, **parameters)


@app.command()
def discard(
    names: Annotated[list[str], typer.Argument(help="Files (their newest delivery) or numbers of batches.")],
    raw: RawToRun = None,
    lake: Lake = None,
    platform: PlatformName = None,
    as_json: AsJson = False,
) -> None:
    """Take back what files or whole batches have brought, also held ones: silver, gold and the warehouse are rebuilt."""
    _run(raw, lake, platform, as_json=as_json, discard=names)


@app.command()
def retry(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Files that are held, discarded or set aside, or numbers of batches.", show_default=False),
    ] = None,
    quarantine: Annotated[
        bool,
        typer.Option(
            "--quarantine", help="Judge all held files and all quarantined rows again, without naming a file."
        ),
    ] = False,
    raw: RawToRun = None,
    lake: Lake = None,
    platform: PlatformName = None,
    max_quarantined_share: MaxQuarantinedShare = defaults.MAX_QUARANTINED_SHARE,
    max_missing_share: MaxMissingShare = None,
    as_json: AsJson = False,
) -> None:
    """Judge files or quarantined rows again, after a rule, an alias or the clock has changed; then rebuild."""
    if not names and not quarantine:
        raise typer.BadParameter("name files or batches, or use --quarantine")
    parameters = {"max_quarantined_share": max_quarantined_share, "max_missing_share": max_missing_share}
    _run(
        raw, lake, platform, as_json=as_json, full_refresh=True, retry=names or [], retry_held=quarantine, **parameters
    )


def _run(raw: str | None, lake: Path | None, platform: str | None, **given: Any) -> None:
    """Run the pipeline here or on a platform; `given` are parameters of its flow and how to show the result."""
    began = time.monotonic()
    _call("startup:log_to_terminal")
    if platform:
        _call("run:run_on_platform", platform, raw, _call("startup:use_prefect"), began, **given)
        return
    with _call("startup:local_run", Path(raw or DEFAULT_RAW), lake) as local:
        _call("run:run_locally", local, began, **given)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over bronze.*, silver.*, gold.* or the warehouse.")],
    on: Annotated[str, typer.Option(help="lake or warehouse.")] = "lake",
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Day or time (UTC): customers and their churn analysis as they were then.", show_default="as they are"
        ),
    ] = None,
    known_at: Annotated[
        str | None,
        typer.Option(
            help="With --as-of: by what had arrived until this day or time.", show_default="what is known now"
        ),
    ] = None,
    lake: Lake = None,
    platform: PlatformName = None,
    as_json: AsJson = False,
) -> None:
    """Query the lake or the warehouse; the lake of a platform through Athena."""
    if on not in ("lake", "warehouse"):
        raise typer.BadParameter(f"must be lake or warehouse, not {on!r}", param_hint="--on")
    if on == "warehouse" and (as_of or known_at):
        raise typer.BadParameter("the lake has earlier states, the warehouse only today's", param_hint="--as-of")
    past = _call("query:past", as_of, known_at) if as_of or known_at else None
    if platform:
        _call("startup:use_prefect")
    if on == "warehouse":
        found = _call("warehouse_query:query_warehouse", sql, platform)
    elif platform:
        found = _call("athena_query:query_athena", sql, platform, past)
    else:
        found = _call("query:query_lake", sql, lake, past)
    _call("rows:show", found, as_json=as_json)


@app.command()
def history(
    customer_id: Annotated[str, typer.Argument(help="Customer number; spaces around it do not count.")],
    lake: Lake = None,
    platform: PlatformName = None,
    as_json: AsJson = False,
) -> None:
    """Show how one customer changed: when it was true, and when that was known."""
    if platform:
        _call("startup:use_prefect")
        lake = _call("platforms:local_lake_of", platform)
    _call("history:show_history", lake, customer_id, as_json=as_json)


@app.command()
def trace(
    customer_id: Annotated[str, typer.Argument(help="Customer number; spaces around it do not count.")],
    lake: Lake = None,
    platform: PlatformName = None,
    warehouse: Annotated[bool, typer.Option("--warehouse/--no-warehouse", help="Look into the warehouse too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Show one customer from the warehouse back to the records of raw files: which one each value is from, what became of the others."""
    if platform:
        _call("startup:use_prefect")
        lake = _call("platforms:local_lake_of", platform)
    found = _call("trace:trace_customer", lake, customer_id)
    if warehouse:
        found = _call("trace_warehouse:with_warehouse", found, platform)
    _call("trace:show_trace", found, as_json=as_json)


@app.command()
def status(
    raw: Annotated[Path, typer.Option(help="Raw path to look for new files in.")] = Path(DEFAULT_RAW),
    lake: Lake = None,
    as_json: AsJson = False,
) -> None:
    """Tables, versions, rows, the last run, and the files that wait to be ingested."""
    _call("status:show_status", raw, lake, as_json=as_json)


@app.command()
def files(
    raw: RawToRun = None,
    lake: Lake = None,
    platform: PlatformName = None,
    state: Annotated[State | None, typer.Option(help="Only files in this state.", show_default="all")] = None,
    as_json: AsJson = False,
) -> None:
    """Every raw file: ingested or not, from when its content is, why it was set aside, what to do."""
    if platform:
        _call("startup:use_prefect")
        places = _call("platforms:platform_raw_and_lake", platform, raw)
    else:
        places = _call("lakes:local_raw_and_lake", raw, lake)
    _call("files:show_files", places, state, as_json=as_json)


@app.command()
def batches(
    lake: Lake = None,
    platform: PlatformName = None,
    last: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The ingest batches: when, how many files and rows, of which feeds."""
    _call("batches:show_batches", _lake(lake, platform), last, as_json=as_json)


@app.command()
def repair(lake: Lake = None, platform: PlatformName = None, as_json: AsJson = False) -> None:
    """Bring damaged tables back to their last good state, rebuild control files; a healthy lake is left as it is."""
    _call("startup:log_to_terminal")
    if platform:
        _call("startup:use_prefect")
        _call("repair:repair_on_platform", platform, as_json=as_json)
    else:
        _call("repair:repair_locally", lake, as_json=as_json)


@app.command()
def restore(
    to: Annotated[
        datetime,
        typer.Option(
            help="The moment, e.g. 2026-01-31T06:00; in UTC unless it has an offset.",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"],
        ),
    ],
    lake: Lake = None,
    platform: PlatformName = None,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Bring every table back to its state of a moment; the next run ingests again what came after it."""
    _call("startup:log_to_terminal")
    if platform:
        _call("startup:use_prefect")
        _call("repair:restore_on_platform", platform, to, as_json=as_json, is_sure=yes)
    else:
        _call("repair:restore_locally", lake, to, as_json=as_json, is_sure=yes)


@app.command()
def forget(
    customers: Annotated[list[str] | None, typer.Argument(help="Ids of customers.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A list of ids, one a line.", show_default="none")] = None,
    lift: Annotated[
        bool, typer.Option("--lift", help="Instead: let later deliveries of erased customers count again.")
    ] = False,
    raw: RawToRun = None,
    lake: Lake = None,
    platform: PlatformName = None,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Erase customers from raw files, all versions of all tables, the warehouse and pages; nothing brings them back."""
    began = time.monotonic()
    _call("startup:log_to_terminal")
    ids = _call("customers:customer_ids", customers or [], file, is_sure=yes or lift)
    if lift:
        _call("customers:lift", _lake(lake, platform), ids)
    elif platform:
        url = _call("startup:use_prefect")
        _call("forget:forget_on_platform", platform, raw, url, began, ids, as_json=as_json)
    else:
        with _call("startup:local_run", Path(raw or DEFAULT_RAW), lake) as local:
            _call("forget:forget_locally", local, began, ids, as_json=as_json)


@app.command()
def report(
    lake: Lake = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Print the path of the quality report."""
    _call("status:show_report", lake, open_it=open_it)


@app.command()
def dashboard(
    lake: Lake = None,
    platform: PlatformName = None,
    out: Annotated[Path | None, typer.Option(help="File to write.", show_default="<state>/dashboard.html")] = None,
    ids: Annotated[CustomerIds, typer.Option(help="How customer ids appear in the call list.")] = "shown",
    open_it: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
) -> None:
    """Write the churn dashboard as one HTML file, print its path and open it."""
    _call("dashboard:show_dashboard", _lake(lake, platform), out, ids, open_it=open_it)


def _lake(lake: Path | None, platform: str | None) -> Any:
    """The folder of a lake: a saved platform's, else one of this machine."""
    if platform:
        _call("startup:use_prefect")
        return _call("platforms:platform_lake", platform)
    return _call("lakes:local_lake", lake)


@app.command()
def package(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("dist"),
    digest: Annotated[
        bool, typer.Option("--digest", help="Print the digest alone: churn deploy --expect takes it.")
    ] = False,
) -> None:
    """Build what AWS Glue runs: the script and a zip of its packages."""
    _call("package:build_package", out, only_digest=digest)


@app.command()
def deploy(
    stack: Annotated[str, typer.Option(help="Name of the CloudFormation stack.")] = "churn-lakehouse",
    region: Region = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of a template parameter; may be repeated.")
    ] = None,
    block: Annotated[str, typer.Option(help="Name under which the Platform block is saved.")] = "aws",
    worker: Annotated[
        bool, typer.Option("--worker", help="Also run Prefect's worker and the watcher there, for the Prefect in use.")
    ] = False,
    expect: Annotated[
        str, typer.Option(help="Digest of the package that was tried elsewhere; another one is refused.")
    ] = "",
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would change in the account, and change nothing.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be created; needs no account.")] = False,
    yes: Yes = False,
) -> None:
    """Build, upload, and create or update the stack on AWS; save its Platform block."""
    parameters = _parsed(parameter or [])
    if dry_run:
        _call("dry_run:show_deployment", stack, parameters)
        return
    _call("startup:use_prefect")
    options = {"with_worker": worker, "expected": expect, "plan": plan, "is_sure": yes}
    _call("deploy:deploy_stack", stack, region, parameters, block, **options)


@app.command()
def destroy(
    stack: Annotated[str, typer.Option(help="Name of the CloudFormation stack.")],
    region: Region = None,
    delete_data: Annotated[bool, typer.Option("--delete-data", help="Also delete the buckets with all data.")] = False,
    confirm: Annotated[str, typer.Option(help="With --delete-data: repeat the stack name to confirm.")] = "",
    yes: Yes = False,
) -> None:
    """Delete the stack; data stays unless its deletion is confirmed."""
    _call("deploy:destroy_stack", stack, region, delete_data=delete_data, confirmed=confirm, is_sure=yes)


@app.command()
def doctor(
    platform: Annotated[str, typer.Option("--platform", help="A saved Platform block on AWS, e.g. aws.")],
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with a deployed platform, and say what to do; it changes nothing."""
    _call("startup:use_prefect")
    _call("doctor:examine", platform, as_json=as_json)


@app.command()
def drift(
    platform: Annotated[str, typer.Option("--platform", help="A saved Platform block with crawlers, e.g. aws.")],
    as_json: AsJson = False,
) -> None:
    """Run the platform's crawlers, and print how inferred schemas differ from the declared ones."""
    _call("startup:use_prefect")
    _call("drift:show_drift", platform, as_json=as_json)


@app.command()
def up(raw: Raw = Path(DEFAULT_RAW), lake: Lake = None) -> None:
    """Run the platform on this machine: Prefect, worker, deployments, warehouse, watcher of raw files."""
    _call("startup:use_local_prefect")
    _call("up:up", raw, lake)


@app.command()
def down(
    delete_state: Annotated[
        bool, typer.Option("--delete-state", help="Then delete all state: lake, warehouse, Prefect's runs, logs.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Stop everything that runs on this machine; all state is kept, unless its deletion is asked for."""
    _call("down:down")
    if delete_state:
        _call("down:delete_state", is_sure=yes)


@app.command()
def watch(raw: Raw = Path(DEFAULT_RAW), lake: Lake = None, platform: PlatformName = None) -> None:
    """Turn arriving raw files into events that start runs: a folder's, or those of a platform's queue."""
    _call("startup:use_prefect")
    if platform:
        _call("watch_queue:watch_queue", platform)
    else:
        _call("watch:watch_folder", raw, lake)


@app.command()
def blocks() -> None:
    """Register the platform's block types with Prefect."""
    _call("startup:use_prefect")
    _call("up:register")


@tableau_app.command("build")
def build_tableau(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("dist"),
    platform: PlatformName = None,
) -> None:
    """Write the workbook live on the warehouse (.twb), and one with an extract of it that needs no database (.twbx)."""
    if platform:
        _call("startup:use_prefect")
    _call("tableau:build", out, platform)


@tableau_app.command("publish")
def publish_tableau(
    server: Annotated[str, typer.Option(help="A saved Churn Tableau Server block.")],
    platform: PlatformName = None,
    live: Annotated[bool, typer.Option("--live", help="The live workbook instead of the one with an extract.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Then refresh the extract, and wait for it.")] = False,
) -> None:
    """Publish the workbook to Tableau Server or Tableau Cloud, and print its id."""
    if live and refresh:
        raise typer.BadParameter("a live workbook has no extract to refresh", param_hint="--refresh")
    _call("startup:use_prefect")
    _call("tableau:publish", server, platform, live=live, refresh=refresh)


def _parsed(parameters: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in parameters]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is not NAME=VALUE", param_hint="--parameter")
    return {name: value for name, _, value in pairs}


def main() -> None:
    """Run the command. An error that its user can fix is one message, not a traceback."""
    try:
        app()
    except ChurnError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
