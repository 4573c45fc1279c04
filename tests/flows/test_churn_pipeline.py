"""The whole pipeline as a Prefect flow, its job runner in this process."""

import logging
import threading

import pytest

from blocks.platform import Platform
from contract.errors import GateError, JobError, RawPathError
from flows.churn_pipeline import churn_pipeline
from lake.results import Check
from lake.write_lock import write_lock
from serving.warehouse.statements import execute
from tasks.runs import lake_write_lock
from tests.support.in_process import InProcessJob
from tests.support.pipeline import PipelineHarness
from tests.support.records import many, record, write_jsonl
from tests.support.scripted_jobs import result, scripted
from tests.support.waiting import wait_for


@pytest.fixture
def platform(spark, warehouse, tmp_path, prefect_harness):
    return Platform(lake=str(tmp_path / "lake"), jobs=InProcessJob(), warehouse=warehouse)


def test_raw_file_to_warehouse_and_a_following_day(platform, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "2026-01-01" / "a.jsonl", *many(8), record("X", tenure_months="30", churn="Yes"))
    first = churn_pipeline(platform, str(raw))
    assert (first.load.rows_loaded, first.load.table_rows) == (9, 9)
    write_jsonl(raw / "2026-01-02" / "a.jsonl", record("X", tenure_months="31", churn="Yes"), record("Y"))
    second = churn_pipeline(platform, str(raw))
    assert (second.load.rows_loaded, second.load.table_rows) == (2, 10)
    pipeline = PipelineHarness(tmp_path / "lake")
    columns = "customer_id, tenure_months, cltv, churn_score, risk_segment"
    with platform.warehouse.connection() as connection:
        loaded = execute(connection, f"SELECT {columns} FROM customer_churn_analysis")
    expected = [tuple(r[c] for c in columns.split(", ")) for r in pipeline.records("gold.customer_churn_analysis")]
    assert sorted(loaded) == sorted(expected)
    report = (tmp_path / "lake" / "_reports" / "quality.html").read_text()
    assert "gold.customer_churn_analysis" in report
    assert "http" not in report.replace("http-equiv", "")


@pytest.mark.nightly
def test_interrupted_full_refresh_is_done_by_the_next_run(platform, tmp_path, caplog):
    raw = str(tmp_path / "raw")
    write_jsonl(tmp_path / "raw" / "2026-01-01" / "a.jsonl", *many(8))
    churn_pipeline(platform, raw)
    with pytest.raises(RawPathError):
        churn_pipeline(platform, str(tmp_path / "nowhere"), full_refresh=True)
    with caplog.at_level(logging.INFO, "churn"):
        continued = churn_pipeline(platform, raw)
    assert "was asked for before, and is not complete yet" in caplog.text
    rewritten = {r.table: r.rows_written for r in continued.results if r.outcome != "unchanged" and r.table}
    assert rewritten["silver.customers"] == rewritten["gold.customer_churn_analysis"] == 8
    assert continued.load.rows_loaded == 8
    caplog.clear()
    assert {r.outcome for r in churn_pipeline(platform, raw).results if r.table} == {"unchanged"}
    assert "asked for before" not in caplog.text


def test_platform_without_a_warehouse_exports_nothing_for_one(platform, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "2026-01-01" / "a.jsonl", *many(8))
    finished = churn_pipeline(platform.model_copy(update={"warehouse": None}), str(raw))
    assert finished.load.version is None
    assert finished.dashboard
    assert not list((tmp_path / "lake").glob("_exports/*"))
    assert churn_pipeline(platform, str(raw)).load.rows_loaded == 8, "given one later, it gets everything"


@pytest.fixture
def scripted_platform(warehouse, tmp_path, prefect_harness):
    def make(script):
        return Platform(lake=str(tmp_path / "lake"), raw=str(tmp_path), jobs=scripted(script), warehouse=warehouse)

    return make


def test_stopped_batch_fails_the_flow(scripted_platform, tmp_path):
    """Nothing runs behind a closed gate, and the report is written all the same."""
    failing = Check("values are between", "quarantined_share", "critical", False, observed="0.5")

    def script(arguments):
        if arguments["job"] == "silver":
            return [result(arguments, "silver.customers", "failed", checks=(failing,))]
        return [result(arguments, "bronze.customers", rows_written=10)]

    platform = scripted_platform(script)
    with pytest.raises(GateError, match=r"silver\.customers: critical: values are between on quarantined_share"):
        churn_pipeline(platform)
    assert [call["job"] for call in platform.jobs.calls()] == ["bronze", "silver"]
    assert (tmp_path / "lake" / "_reports" / "quality.html").exists()


def test_export_version_is_taken_by_name(scripted_platform, tmp_path):
    """Whatever else the export job reports, and in whichever order."""

    def script(arguments):
        if arguments["job"] == "export":
            steps = {"warehouse": None, "dashboard": 7, "of tomorrow": 9}
            return [result(arguments, step=step, version_after=version) for step, version in steps.items()]
        return [result(arguments, outcome="unchanged")]

    finished = churn_pipeline(scripted_platform(script))
    assert (finished.load.version, finished.load.rows_loaded) == (None, 0)
    assert [r.name for r in finished.results][-3:] == ["export.warehouse", "export.dashboard", "export.of tomorrow"]


def test_runs_on_one_lake_wait_for_each_other(scripted_platform):
    """Another process on the machine writes to the lake: the flow begins when it has ended."""
    began, platform = (
        [],
        scripted_platform(lambda arguments: began.append(1) or [result(arguments, outcome="unchanged")]),
    )
    held, free = threading.Event(), threading.Event()

    def hold():
        with write_lock(platform.folder()):
            held.set()
            free.wait(30)
            assert not began

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    threading.Timer(1.5, free.set).start()
    with pytest.raises(JobError, match="no result of its step warehouse"):
        churn_pipeline(platform)
    holder.join()
    assert began


def test_wait_for_another_run_is_said(scripted_platform, caplog):
    """Also where that run has died: nothing but the end of its slot in Prefect ends the wait."""
    platform, is_held = scripted_platform(lambda _: []), threading.Event()
    said = f"waiting until no other run writes to {platform.lake}"

    def hold():
        with lake_write_lock(platform):
            is_held.set()
            wait_for(lambda: said in caplog.text)

    holder = threading.Thread(target=hold)
    with caplog.at_level(logging.INFO, "churn"):
        holder.start()
        assert is_held.wait(60)
        assert said not in caplog.text, "a free slot is not waited for"
        with lake_write_lock(platform):
            assert said in caplog.text
    holder.join()
