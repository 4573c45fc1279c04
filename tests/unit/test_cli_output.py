"""What commands print: rows, status, reports, packages; and what they refuse before they start anything."""

import json
import logging
import os
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pytest
import typer
from deltalake import write_deltalake

from cli import dashboard, deploy, down, dry_run, generate, package, query, startup, status
from cli.lakes import local_lake
from cli.rows import show
from contract.errors import LakeError, PlatformError, QueryError, RawPathError
from infrastructure.aws.wheels import missing_wheels
from infrastructure.local import services
from infrastructure.local.paths import STATE
from lake.dashboard_data import Dashboards, pack
from lake.results import JobResult, Results
from lake.storage import open_folder
from tests.support.gold_rows import gold_customers
from tests.support.records import record, write_jsonl
from tests.support.wheels import put_wheels


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """A state folder and a working folder of its own."""
    monkeypatch.setenv("CHURN_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state"


def _printed(capsys):
    return " ".join(capsys.readouterr().out.split())


# Rows


def test_rows_are_shown_as_table(capsys):
    show((["city", "n"], [("Rome", 1234), (None, 2)]), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["city", "n"]
    assert lines[1].split() == ["Rome", "1234"]
    assert lines[2].split() == ["2"]
    assert lines[3] == "(2 rows)"
    assert lines[1].index("1234") + 4 == lines[2].rindex("2") + 1, "numbers stand at the right"


def test_rows_are_printed_as_json(capsys):
    show((["d", "p", "n"], [(date(2026, 1, 2), Decimal("1.50"), None)]), as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"d": "2026-01-02", "p": "1.50", "n": None}]


@pytest.mark.parametrize("as_json", [True, False])
def test_no_row_is_said(capsys, as_json):
    show((["a"], []), as_json=as_json)
    out = capsys.readouterr().out
    assert json.loads(out) == [] if as_json else "(0 rows)" in out


@pytest.mark.parametrize("text", ["[bold]x[/bold]", "[/x]", "[red]"])
def test_markup_in_rows_stays_text(capsys, text):
    show((["a"], [(text,)]), as_json=False)
    assert text in capsys.readouterr().out


@pytest.mark.parametrize("name", ["[bold]x.jsonl", "[x]/a.jsonl"])
def test_markup_in_names_stays_text(capsys, tmp_path, name):
    os.utime(write_jsonl(tmp_path / "raw" / name, record("A")), (1, 1))
    assert f"new: {name}" in _status(capsys, as_json=False)


def test_query_reads_the_states_lake(state):
    write_deltalake(str(state / "lake" / "gold" / "people"), pa.table({"city": ["Rome"]}))
    assert query.query_lake("SELECT city FROM gold.people", None) == (["city"], [("Rome",)])
    with pytest.raises(QueryError, match=r"no table gold\.people"):
        query.query_lake("SELECT city FROM gold.people", state / "other")


# Status and report


def _status(capsys, raw="raw", lake=None, *, as_json=True):
    status.show_status(Path(raw), lake, as_json=as_json)
    return json.loads(capsys.readouterr().out) if as_json else _printed(capsys)


def test_empty_machine_says_what_to_do(capsys, state):
    facts = _status(capsys)
    assert facts["lake"] == str((state / "lake").resolve())
    assert (facts["tables"], facts["last_run"]) == ([], None)
    assert "churn generate" in facts["raw"]["problem"]
    assert facts["servers"] == dict.fromkeys(["watcher", "worker", "prefect", "warehouse"])
    words = _status(capsys, as_json=False)
    assert "no table yet" in words
    assert "prefect: not running" in words


def test_status_counts_tables_and_files(capsys, state, tmp_path):
    lake = state / "lake"
    write_deltalake(str(lake / "gold" / "people"), pa.table({"city": ["Rome"] * 1200}))
    for outcome, table in (("passed", "silver.customers"), ("failed", "gold.churn_kpis")):
        result = JobResult(table.split(".")[0], table, "run-1", f"2026-01-01T00:00:0{len(table)}", outcome)
        Results(open_folder(lake)).write(result)
    os.utime(write_jsonl(tmp_path / "raw" / "a.jsonl", record("A")), (1, 1))
    (tmp_path / "raw" / "notes.pdf").touch()
    (tmp_path / "raw" / "empty.csv").touch()
    os.utime(tmp_path / "raw" / "empty.csv", (1, 1))
    facts = _status(capsys)
    assert facts["tables"] == [{"table": "gold.people", "version": 0, "rows": 1200}]
    assert facts["last_run"] == {
        "run_id": "run-1", "outcomes": {"gold.churn_kpis": "failed", "silver.customers": "passed"},
    }  # fmt: skip
    assert [file["file"] for file in facts["raw"]["new"]] == ["a.jsonl"]
    assert facts["raw"]["left_for_later"] == ["empty.csv"]
    assert facts["raw"]["set_aside"] == [{"file": "notes.pdf", "reason": "a document, not data."}]
    words = _status(capsys, as_json=False)
    for text in ("gold.people 0 1,200", "Last run run-1: ", "1 to ingest, 0 known", "new: a.jsonl (customers",
                 "empty or being written: empty.csv", "set aside: notes.pdf: a document, not data."):  # fmt: skip
        assert text in words, text


def test_report_is_opened_on_wish(capsys, state, monkeypatch):
    opened = []
    monkeypatch.setattr(status.webbrowser, "open", opened.append)
    with pytest.raises(LakeError, match=r"no report at .*churn run"):
        status.show_report(None, open_it=True)
    open_folder(state / "lake").write_text("_reports/quality.html", "<p>")
    status.show_report(None, open_it=False)
    assert opened == []
    status.show_report(state / "lake", open_it=True)
    assert opened == [(state / "lake" / "_reports" / "quality.html").resolve().as_uri()]


# Dashboard


def _packed(folder):
    made_at = "2026-01-01T00:00:00+00:00"
    Dashboards(folder).write(pack(gold_customers(30), table_id="t", version=1, made_at=made_at, trend=[]))


def test_dashboard_is_written_and_opened(capsys, state, monkeypatch):
    opened = []
    monkeypatch.setattr(dashboard.webbrowser, "open", opened.append)
    folder = local_lake(None)
    with pytest.raises(LakeError, match=r"nothing to show at .*churn run"):
        dashboard.show_dashboard(folder, None, "shown", open_it=True)
    _packed(folder)
    dashboard.show_dashboard(folder, None, "shown", open_it=True)
    path = state.resolve() / "dashboard.html"
    assert capsys.readouterr().out == f"{path}\n"
    assert opened == [path.as_uri()]
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_dashboard_goes_where_told(tmp_path, monkeypatch):
    monkeypatch.setattr(dashboard.webbrowser, "open", lambda url: pytest.fail("opened"))
    folder = local_lake(tmp_path / "lake")
    _packed(folder)
    dashboard.show_dashboard(folder, Path("new folder/d.html"), "none", open_it=False)
    assert (tmp_path / "new folder" / "d.html").exists()
    (tmp_path / "file").touch()
    with pytest.raises(LakeError, match=r"cannot write .*file/d\.html.*--out"):
        dashboard.show_dashboard(folder, tmp_path / "file" / "d.html", "none", open_it=False)


# Package, deployment, sample data


def test_package_names_its_files(capsys, tmp_path):
    put_wheels(tmp_path / "dist")
    package.build_package(tmp_path / "dist", only_digest=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" (")[0] for line in lines[:3]] == [
        str(tmp_path / "dist" / name) for name in ("glue_main.py", "churn_lakehouse.zip", missing_wheels().file_name)
    ]
    assert lines[3].startswith("digest ")


def test_digest_of_the_package_needs_no_download(capsys, tmp_path):
    package.build_package(tmp_path / "dist", only_digest=True)
    assert len(capsys.readouterr().out.strip()) == 16
    assert not (tmp_path / "dist" / missing_wheels().file_name).exists()


def test_dry_run_changes_nothing(capsys):
    dry_run.show_deployment("churn", {"MonthlyBudgetUsd": "7"})
    out = capsys.readouterr().out
    assert "parameter MonthlyBudgetUsd = 7" in out
    assert "parameter ScriptKey = glue/" in out
    assert out.splitlines()[-1].startswith("Nothing was changed.")
    with pytest.raises(PlatformError, match="no parameter Colour"):
        dry_run.show_deployment("churn", {"Colour": "red"})
    with pytest.raises(PlatformError, match="'Churn' cannot name a stack"):
        dry_run.show_deployment("Churn", {})


@pytest.mark.parametrize("confirmed", ["", "other", "CHURN"])
def test_data_is_kept_unless_confirmed(confirmed, monkeypatch):
    monkeypatch.setattr(deploy, "aws_client", lambda *_: pytest.fail("asked AWS"))
    with pytest.raises(PlatformError, match="--delete-data --confirm churn"):
        deploy.destroy_stack("churn", None, delete_data=True, confirmed=confirmed, is_sure=True)


def test_refused_question_changes_nothing(capsys, monkeypatch):
    monkeypatch.setattr(deploy, "aws_client", lambda *_: pytest.fail("asked AWS"))
    monkeypatch.setattr(deploy.typer, "confirm", lambda text: False)
    deploy.destroy_stack("churn", None, delete_data=False, confirmed="", is_sure=False)
    assert capsys.readouterr().out == "Nothing was changed.\n"


def test_sample_data_names_the_next_step(capsys, tmp_path):
    generate.generate_files(5, 1, tmp_path / "raw", 7, "feeds", 0, compress=False)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("3 files, 0.0 MB, below ")
    assert second == f"Next: churn run --raw {tmp_path / 'raw'}"


# Start-up


def test_given_server_is_not_started(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "https://prefect.example/api")
    monkeypatch.setattr(startup, "start", lambda service: pytest.fail("started"))
    assert startup.use_prefect() == "https://prefect.example"


def test_own_server_is_waited_for(monkeypatch):
    monkeypatch.setattr(startup.os, "environ", {name: v for name, v in os.environ.items() if name != "PREFECT_API_URL"})
    started = []
    monkeypatch.setattr(startup, "start", lambda service: started.append(service) or 4321)
    monkeypatch.setattr(startup, "wait_until_ready", lambda service: 4321)
    assert startup.use_prefect() == "http://127.0.0.1:4321"
    assert startup.os.environ["PREFECT_API_URL"] == "http://127.0.0.1:4321/api"
    assert started == [services.PREFECT]


@pytest.fixture
def machine(monkeypatch):
    """A machine on which nothing is started: what would be."""
    made = []
    monkeypatch.setattr(startup, "warm_worker", lambda **options: made.append(options))
    monkeypatch.setattr(startup, "use_local_prefect", lambda: made.append("prefect") or "http://127.0.0.1:4321")
    monkeypatch.setattr(startup, "release_workers", lambda: made.append("released"))
    return made


def test_missing_raw_folder_starts_nothing(machine):
    with (
        pytest.raises(RawPathError, match=r"nowhere does not exist.*churn generate"),
        startup.local_run(Path("nowhere"), None),
    ):
        pass
    assert machine == []


@pytest.mark.parametrize(("size", "fast"), [(10, True), (64 * 1024 * 1024, False)])
def test_small_input_starts_fast(machine, tmp_path, state, size, fast):
    (tmp_path / "raw").mkdir()
    with (tmp_path / "raw" / "a.csv").open("wb") as file:
        file.truncate(size)
    with startup.local_run(Path("raw"), None) as run:
        assert run == startup.LocalRun(tmp_path / "raw", (state / "lake").resolve(), fast, "http://127.0.0.1:4321")
    assert machine == ["prefect", {"fast_start": fast}, "released"]


def test_worker_is_released_after_errors(machine, tmp_path):
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(ZeroDivisionError), startup.local_run(Path("a.csv"), tmp_path / "lake"):
        raise ZeroDivisionError
    assert machine[-1] == "released"


def test_unwritable_lake_starts_nothing(machine, tmp_path):
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(LakeError, match="not writable"), startup.local_run(Path("a.csv"), tmp_path / "a.csv" / "lake"):
        pass
    assert machine == []


def test_progress_goes_to_standard_error(capsys, monkeypatch):
    logger = logging.Logger("of this test")
    monkeypatch.setattr(startup, "LOGGER", logger)
    monkeypatch.setattr(startup.os, "environ", dict(os.environ))
    startup.log_to_terminal()
    logger.info("bronze: running")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("bronze: running\n")
    assert startup.os.environ["PREFECT_LOGGING_LEVEL"] == "ERROR"


# State


def _fill(state):
    for name in STATE:
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        if "." in name:
            (state / name).write_text("a page")
        else:
            (state / name / "below").mkdir(parents=True)


def test_state_is_deleted_where_the_setting_says(state, tmp_path, capsys):
    _fill(state)
    _fill(tmp_path / ".churn")
    down.delete_state(is_sure=True)
    assert _printed(capsys) == f"state in {state}: deleted"
    assert not state.exists()
    assert {path.name for path in (tmp_path / ".churn").iterdir()} == set(STATE)
    down.delete_state(is_sure=False)
    assert _printed(capsys) == f"state in {state}: there was none"


def test_what_is_not_ours_stays(state, tmp_path, capsys):
    """Somebody may have named a folder that has other things, or put a link to a lake elsewhere there."""
    (tmp_path / "elsewhere" / "lake").mkdir(parents=True)
    state.mkdir()
    (state / "thesis.txt").write_text("years of work")
    (state / "lake").symlink_to(tmp_path / "elsewhere" / "lake")
    down.delete_state(is_sure=True)
    assert _printed(capsys) == f"state in {state}: deleted; kept, as it is not ours: thesis.txt"
    assert [path.name for path in state.iterdir()] == ["thesis.txt"]
    assert (tmp_path / "elsewhere" / "lake").exists()


def test_state_is_kept_unless_its_deletion_is_confirmed(state, monkeypatch):
    _fill(state)
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    with pytest.raises(typer.Abort):
        down.delete_state(is_sure=False)
    assert {path.name for path in state.iterdir()} == set(STATE)
