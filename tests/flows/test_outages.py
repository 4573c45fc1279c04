"""An external service that fails stops what needs it, and nothing else; the next run catches up."""

import json
from datetime import date

import pytest
from prefect.artifacts import Artifact
from pydantic import SecretStr

from blocks.catalog import GlueCatalog
from blocks.notify import ChatWebhook
from blocks.platform import Platform
from contract.errors import OutageError, PlatformError
from flows import churn_pipeline as flow_module
from flows.backfill import backfill
from flows.churn_pipeline import churn_pipeline
from lake.alerts import Alert, Alerts, AtRisk
from lake.delta_log import commit_file
from lake.results import DASHBOARD_STEP, WAREHOUSE_STEP, FileNote
from lake.set_aside import SetAside, SetAsideFiles
from tests.support.exports import write_export
from tests.support.records import record, write_jsonl
from tests.support.scripted_jobs import result, scripted

SERVICES = ("register_tables", "loaded_version", "load_warehouse", "send_alerts", "notify_about_files")


@pytest.fixture
def day(warehouse, webhook, tmp_path, prefect_harness, monkeypatch):
    """A platform with an export of two customers, an alert and a file that is set aside; nothing is retried."""
    for name in SERVICES:
        monkeypatch.setattr(flow_module, name, getattr(flow_module, name).with_options(retries=0))
    aside = (FileNote("a.xlsx", "a workbook", True),)

    def script(arguments):
        if arguments["job"] == "export":
            version = 0 if arguments["has_warehouse"] == "true" else None
            steps = {DASHBOARD_STEP: 0, WAREHOUSE_STEP: version}
            return [result(arguments, step=step, version_after=version) for step, version in steps.items()]
        return [result(arguments, outcome="unchanged", set_aside=aside if arguments["job"] == "bronze" else ())]

    notifier = ChatWebhook(url=SecretStr(webhook.url))
    platform = Platform(
        lake=str(tmp_path / "lake"), raw=str(tmp_path), jobs=scripted(script), warehouse=warehouse, notifier=notifier
    )
    platform.folder().write_text(commit_file("gold/churn_kpis", 0), "{}")
    SetAsideFiles(platform.folder()).write([SetAside("a.xlsx", "/raw/a.xlsx", 1, 1, "a workbook")])
    write_export(platform.folder(), 0, [("a", "x", 1, "U"), ("b", "x", 1, "U")], table_rows=2)
    Alerts(platform.folder()).write(
        Alert(3, "2026-01-02", 1, 30.0, 900, (AtRisk("c1", "Fresno", "Low-Value, Low-Risk", 30.0, 900, 92),))
    )
    return platform


def _is_down(catalog, table, location):
    raise PlatformError("Glue is down")


def _unreachable(platform):
    down = platform.warehouse.model_copy(update={"port": 9, "connect_timeout_seconds": 0})
    return platform.model_copy(update={"warehouse": down})


def _exports(platform):
    return [call for call in platform.jobs.calls() if call["job"] == "export"]


def test_warehouse_is_down(day, webhook, tmp_path):
    with pytest.raises(OutageError, match=r"^missing: the warehouse \(cannot connect to 127.0.0.1:9"):
        churn_pipeline(_unreachable(day))
    (export,) = _exports(day)
    assert export["warehouse_version"] == "", "everything: what the warehouse has is not known"
    assert [text.split("\n")[0] for text in webhook.texts] == [
        "*1 customer newly at risk, $30.00 a month*",
        "*Churn pipeline: 1 file set aside*",
    ]
    assert (tmp_path / "lake" / "_reports" / "quality.html").exists()
    caught_up = churn_pipeline(day)
    assert (caught_up.load.rows_loaded, caught_up.load.table_rows) == (2, 2)
    assert len(webhook.texts) == 2, "what was sent is not sent again"


def test_failed_run_says_what_is_missing_as_its_state(day):
    state = churn_pipeline(_unreachable(day), return_state=True)
    assert state.is_failed()
    assert "missing: the warehouse" in state.message
    assert "the next run does what is missing" in state.message


def test_warehouse_comes_back_before_the_load(day, monkeypatch):
    def fails(platform):
        raise PlatformError("the workgroup starts")

    monkeypatch.setattr(flow_module, "loaded_version", fails)
    assert churn_pipeline(day).load.rows_loaded == 2


def test_notifier_is_down(day, webhook):
    webhook.answers = [503, 503]
    with pytest.raises(OutageError, match=r"^missing: alerts \(.*503.*\); messages about files \(.*503"):
        churn_pipeline(day)
    assert webhook.texts == []
    assert churn_pipeline(day).load.rows_loaded == 0, "the first run has loaded"
    assert len(webhook.texts) == 2


def test_catalog_is_down(day, webhook, monkeypatch):
    # Not a class of its own: Prefect would take it for the type of every catalog that is loaded later.
    monkeypatch.setattr(GlueCatalog, "register", _is_down)
    with pytest.raises(OutageError, match=r"^missing: the catalog \(Glue is down\)\. "):
        churn_pipeline(day.model_copy(update={"catalog": GlueCatalog()}))
    assert len(webhook.texts) == 2
    assert churn_pipeline(day).load.rows_loaded == 0, "the first run has loaded"


def test_backfill_goes_on_and_a_later_day_makes_up_for_an_outage(day, monkeypatch, tmp_path):
    for name in ("2026-01-01", "2026-01-02"):
        write_jsonl(tmp_path / "raw" / name / "a.jsonl", record("X"))
    place, span = str(tmp_path / "raw"), (date(2026, 1, 1), date(2026, 1, 3))
    with pytest.raises(OutageError, match=r"missing: a part of the last day .*the warehouse"):
        backfill(_unreachable(day), *span, place)
    assert [call["day"] for call in day.jobs.calls() if call["job"] == "bronze"] == ["2026-01-01", "2026-01-02"]
    table = json.loads(Artifact.get("backfill").data)
    assert [row["note"] for row in table] == ["an external service failed", "an external service failed", "no files"]
    tries = iter([PlatformError("the workgroup starts"), None])

    def works_again(platform):
        error = next(tries)
        if error:
            raise error

    monkeypatch.setattr(flow_module, "notify_about_files", works_again)
    assert [(d.day.day, d.files, d.rows) for d in backfill(day, *span, place)] == [(1, 1, None), (2, 1, 0), (3, 0, 0)]


def test_platform_without_a_warehouse_is_complete(day, webhook):
    finished = churn_pipeline(day.model_copy(update={"warehouse": None}))
    assert (finished.load.version, finished.load.rows_loaded) == (None, 0)
    (export,) = _exports(day)
    assert export["has_warehouse"] == "false"
    assert len(webhook.texts) == 2
