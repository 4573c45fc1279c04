"""The command's usage: help of everything, wrong usage, and what its options are parsed to."""

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

from cli import main as command
from cli.main import app
from contract import defaults
from contract.errors import LakeError
from infrastructure.local.paths import PACKAGES

COMMANDS = (
    "generate", "run", "query", "history", "trace", "status", "files", "batches", "discard", "retry", "repair", "restore", "forget", "doctor", "report", "dashboard", "package", "deploy",
    "destroy", "drift", "up", "down", "watch", "blocks",
)  # fmt: skip
PATHS = [[name] for name in COMMANDS] + [["tableau"], ["tableau", "build"], ["tableau", "publish"]]
HEAVY = ("prefect", "prefect_aws", "pyspark", "great_expectations", "pandas", "numpy", "boto3", "botocore", "pyarrow")
LOOK = "import sys; {}; print([name for name in {} if name in sys.modules])"


@pytest.fixture
def calls(monkeypatch):
    """What the commands would call: (module:function, arguments, options)."""
    made = []

    def call(name, *arguments, **options):
        made.append((name, arguments, options))
        return f"answer of {name}"

    monkeypatch.setattr(command, "_call", call)
    return made


def _churn(*arguments):
    return CliRunner().invoke(app, list(arguments))


def _words(result):
    """What was printed, without the frames and line breaks that depend on the terminal's width."""
    return " ".join(f"{result.stdout} {result.stderr}".replace("│", " ").split())


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_describes_the_command(calls, path, flag):
    result = _churn(*path, flag)
    assert result.exit_code == 0
    assert f"churn {' '.join(path)}" in _words(result).replace("root", "churn")
    found = next(c for c in typer.main.get_command(app).commands.items() if c[0] == path[0])[1]
    described = found.commands[path[1]] if len(path) > 1 else found
    assert described.help.split(":")[0].split(";")[0].split()[0] in _words(result)
    assert calls == []


def test_every_command_is_listed():
    listed = typer.main.get_command(app).commands
    assert set(listed) == {*COMMANDS, "tableau"}
    words = _words(_churn("--help"))
    assert all(name in words for name in listed)
    assert "CHURN_HOME" in words


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_option_is_described(path):
    found = typer.main.get_command(app)
    for name in path:
        found = found.commands[name]
    options = [option for option in found.params if option.param_type_name == "option"]
    assert all(option.help and option.help.endswith((".", "flat21.", "warehouse.")) for option in options), path


def test_version_is_the_packages():
    result = _churn("--version")
    assert (result.exit_code, result.stdout) == (0, f"churn {version('churn-lakehouse')}\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fly",), "fly"),
        (("query",), "sql"),
        (("trace",), "customer_id"),
        (("history",), "customer_id"),
        (("query", "SELECT 1", "--on", "warehouse", "--as-of", "2026-01-31"), "only today's"),
        (("query", "SELECT 1", "--on", "moon"), "moon"),
        (("run", "--max-quarantined-share", "1.5"), "--max-quarantined-share"),
        (("run", "--max-quarantined-share", "half"), "--max-quarantined-share"),
        (("run", "--wings"), "--wings"),
        (("generate", "--days", "0"), "--days"),
        (("generate", "--faults", "-1"), "--faults"),
        (("generate", "--seed", "x"), "--seed"),
        (("files", "--state", "lost"), "set_aside"),
        (("batches", "--last", "0"), "--last"),
        (("dashboard", "--ids", "all"), "hashed"),
        (("destroy",), "--stack"),
        (("drift",), "--platform"),
        (("deploy", "--parameter", "Colour"), "NAME=VALUE"),
        (("tableau", "publish"), "--server"),
        (("tableau", "publish", "--server", "s", "--live", "--refresh"), "no extract to refresh"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_exits_with_two(calls, arguments, words):
    result = _churn(*arguments)
    assert result.exit_code == 2, result.output
    assert words in _words(result)
    assert calls == []


@pytest.mark.parametrize("arguments", [(), ("tableau",)])
def test_nothing_asked_shows_help(calls, arguments):
    assert "--help" in _words(_churn(*arguments))
    assert calls == []


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        ([], {}),
        (["A=1"], {"A": "1"}),
        (["A=1", "B=two words"], {"A": "1", "B": "two words"}),
        (["A=x=y"], {"A": "x=y"}),
        (["A="], {"A": ""}),
        (["A=1", "A=2"], {"A": "2"}),
    ],
)
def test_parameters_are_split_once(calls, given, parsed):
    arguments = [word for text in given for word in ("--parameter", text)]
    assert _churn("deploy", "--dry-run", "--stack", "s", *arguments).exit_code == 0
    assert calls == [("dry_run:show_deployment", ("s", parsed), {})]


def test_deployment_asks_before_changing(calls):
    _churn("deploy", "--region", "eu-west-1", "--block", "prod")
    assert calls[-1] == (
        "deploy:deploy_stack",
        ("churn-lakehouse", "eu-west-1", {}, "prod"),
        {"with_worker": False, "expected": "", "plan": False, "is_sure": False},
    )
    assert calls[0][0] == "startup:use_prefect"


def test_destruction_needs_its_name(calls):
    _churn("destroy", "--stack", "s", "--delete-data", "--confirm", "s", "--yes")
    ((name, arguments, options),) = calls
    assert (name, arguments) == ("deploy:destroy_stack", ("s", None))
    assert options == {"delete_data": True, "confirmed": "s", "is_sure": True}


@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        (("query", "SELECT 1"), ["query:query_lake", "rows:show"]),
        (("query", "SELECT 1", "--on", "warehouse"), ["warehouse_query:query_warehouse", "rows:show"]),
        (
            ("query", "SELECT 1", "--platform", "aws"),
            ["startup:use_prefect", "athena_query:query_athena", "rows:show"],
        ),
        (
            ("query", "SELECT 1", "--on", "warehouse", "--platform", "aws"),
            ["startup:use_prefect", "warehouse_query:query_warehouse", "rows:show"],
        ),
        (("query", "SELECT 1", "--as-of", "2026-01-31"), ["query:past", "query:query_lake", "rows:show"]),
        (("history", "A"), ["history:show_history"]),
        (("trace", "A"), ["trace:trace_customer", "trace_warehouse:with_warehouse", "trace:show_trace"]),
        (("trace", "A", "--no-warehouse"), ["trace:trace_customer", "trace:show_trace"]),
        (
            ("trace", "A", "--platform", "here"),
            [
                "startup:use_prefect",
                "platforms:local_lake_of",
                "trace:trace_customer",
                "trace_warehouse:with_warehouse",
                "trace:show_trace",
            ],
        ),
        (("status",), ["status:show_status"]),
        (("files", "--state", "set_aside"), ["lakes:local_raw_and_lake", "files:show_files"]),
        (
            ("files", "--platform", "aws"),
            ["startup:use_prefect", "platforms:platform_raw_and_lake", "files:show_files"],
        ),
        (("batches", "--last", "3"), ["lakes:local_lake", "batches:show_batches"]),
        (("batches", "--platform", "aws"), ["startup:use_prefect", "platforms:platform_lake", "batches:show_batches"]),
        (("repair",), ["startup:log_to_terminal", "repair:repair_locally"]),
        (("restore", "--to", "2026-01-31T06:00"), ["startup:log_to_terminal", "repair:restore_locally"]),
        (
            ("restore", "--to", "2026-01-31", "--platform", "aws"),
            ["startup:log_to_terminal", "startup:use_prefect", "repair:restore_on_platform"],
        ),
        (
            ("repair", "--platform", "aws"),
            ["startup:log_to_terminal", "startup:use_prefect", "repair:repair_on_platform"],
        ),
        (
            ("forget", "--file", "ids.txt", "--yes", "--platform", "aws"),
            ["startup:log_to_terminal", "customers:customer_ids", "startup:use_prefect", "forget:forget_on_platform"],
        ),
        (
            ("forget", "A", "--lift"),
            ["startup:log_to_terminal", "customers:customer_ids", "lakes:local_lake", "customers:lift"],
        ),
        (("report", "--open"), ["status:show_report"]),
        (("dashboard", "--no-open"), ["lakes:local_lake", "dashboard:show_dashboard"]),
        (("down",), ["down:down"]),
        (("down", "--delete-state"), ["down:down", "down:delete_state"]),
        (("up",), ["startup:use_local_prefect", "up:up"]),
        (("watch",), ["startup:use_prefect", "watch:watch_folder"]),
        (("blocks",), ["startup:use_prefect", "up:register"]),
        (("drift", "--platform", "aws"), ["startup:use_prefect", "drift:show_drift"]),
        (("package",), ["package:build_package"]),
        (("tableau", "build"), ["tableau:build"]),
        (("tableau", "build", "--platform", "aws"), ["startup:use_prefect", "tableau:build"]),
        (("tableau", "publish", "--server", "s"), ["startup:use_prefect", "tableau:publish"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_command_starts_what_it_needs(calls, arguments, called):
    assert _churn(*arguments).exit_code == 0
    assert [name for name, _, _ in calls] == called


def test_run_has_the_shared_defaults(calls):
    assert _churn("run", "--platform", "aws", "--raw", "s3://b/raw").exit_code == 0
    name, arguments, options = calls[-1]
    assert name == "run:run_on_platform"
    assert arguments[:3] == ("aws", "s3://b/raw", "answer of startup:use_prefect")
    assert options == {
        "full_refresh": False, "max_quarantined_share": defaults.MAX_QUARANTINED_SHARE, "verify": False, "strict": False, "as_json": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (("discard", "3", "billing/a b.csv"), {"discard": ["3", "billing/a b.csv"]}),
        (
            ("retry", "a.csv"),
            {
                "full_refresh": True,
                "retry": ["a.csv"],
                "retry_held": False,
                "max_quarantined_share": 0.05,
                "max_missing_share": None,
            },
        ),
        (
            ("retry", "--quarantine", "--max-quarantined-share", "0.5", "--max-missing-share", "0.4"),
            {
                "full_refresh": True,
                "retry": [],
                "retry_held": True,
                "max_quarantined_share": 0.5,
                "max_missing_share": 0.4,
            },
        ),
        (("run", "--strict"), {"full_refresh": False, "max_quarantined_share": 0.05, "verify": False, "strict": True}),
    ],
)
def test_decisions_are_runs_of_the_pipeline(calls, arguments, given):
    assert _churn(*arguments, "--platform", "aws").exit_code == 0
    name, _, options = calls[-1]
    assert (name, options) == ("run:run_on_platform", given | {"as_json": False})


def test_retry_needs_something_to_judge(calls):
    outcome = _churn("retry")
    assert outcome.exit_code == 2
    assert calls == []


def test_every_call_leads_to_a_function(calls):
    """What a command calls by its name exists, without calling it."""
    for arguments in (
        "status",
        "files",
        "batches",
        "repair",
        "down",
        "package",
        "up",
        "watch",
        "blocks",
        "report",
        "dashboard",
        "generate",
    ):
        _churn(arguments)
    _churn("trace", "A", "--platform", "here")
    for name, _, _ in calls:
        module, _, function = name.partition(":")
        assert callable(getattr(import_module(f"cli.{module}"), function)), name


def test_known_error_is_one_line(monkeypatch, capsys):
    def fail():
        raise LakeError("the lake is away. Look for it.")

    monkeypatch.setattr(command, "app", fail)
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: the lake is away. Look for it.\n"


def test_unknown_error_keeps_its_traceback(monkeypatch):
    def fail():
        raise ZeroDivisionError

    monkeypatch.setattr(command, "app", fail)
    with pytest.raises(ZeroDivisionError):
        command.main()


def _loaded(code, *arguments):
    command = [sys.executable, "-c", LOOK.format(code, HEAVY), *arguments]
    done = subprocess.run(command, cwd=PACKAGES, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "code",
    [
        "import cli.main",
        "import typer; from cli.main import app; app(['--help'], standalone_mode=False)",
        "import typer; from cli.main import app; app(['run', '--help'], standalone_mode=False)",
        "import cli.startup",
        "import cli.down",
        "import cli.files, cli.batches",
    ],
)
def test_start_loads_nothing_heavy(code):
    assert _loaded(code) == "[]"
