"""The pipeline: raw files to bronze, silver, gold and the warehouse, a gate behind every layer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from blocks.platform import Platform
from contract import defaults
from contract.log import LOGGER
from lake.results import WAREHOUSE_STEP, JobResult, result_of_step
from tasks.alerts import send_alerts
from tasks.assets import record_warehouse
from tasks.catalog import register_tables
from tasks.erasure import erase_customers, is_vacuum_due
from tasks.files import decide_on_files, format_files, notify_about_files
from tasks.glue import run_glue_job
from tasks.lineage import publish_lineage
from tasks.metrics import record_gold_age
from tasks.outages import WAREHOUSE, Outages
from tasks.quality import enforce_gate
from tasks.rebuild import request_rebuild
from tasks.report import publish_dashboard, publish_report
from tasks.runs import cancel_superseded_runs, format_file_count, lake_write_lock, new_run_id, rename_flow_run
from tasks.warehouse import NOT_LOADED, Load, export_arguments, load_warehouse, loaded_version, vacuum_warehouse


@dataclass(frozen=True)
class PipelineResult:
    """What one run did."""

    run_id: str
    results: list[JobResult]
    load: Load
    report: str
    dashboard: str | None


@flow(name="churn-pipeline", flow_run_name=lambda: _name(), persist_result=False)
def churn_pipeline(
    platform: Platform,
    raw: str = "",
    full_refresh: bool = False,
    max_quarantined_share: float = defaults.MAX_QUARANTINED_SHARE,
    day: date | None = None,
    verify: bool = False,
    discard: Sequence[str] = (),
    retry: Sequence[str] = (),
    retry_held: bool = False,
    max_missing_share: float | None = None,
) -> PipelineResult:
    """Bring everything up to date with the files below `raw` and return what was done; empty: the platform's raw files.

    `full_refresh` rebuilds silver, gold and the warehouse table from all of bronze; where it is interrupted, the next run
    does it. `max_quarantined_share` (0 to 1) is the share of quarantined rows above which a file is held. `day` leaves
    files of other days alone; `verify` compares large known files by content too. `discard` and `retry` are files or
    numbers of batches that no longer count, or are judged again, by `max_quarantined_share` as long as new files are
    judged by the default; `retry_held` judges all held files again, and snapshots among them that lack at most
    `max_missing_share` (0 to 1) of the customers known before are taken as they are. Everything is rebuilt then, also where
    the erasure of customers has been asked for, which comes first. The run is completed with
    a message where files are held or set aside.
    Raises GateError when a batch fails a critical expectation, RawPathError for a file that is not known, and at the end
    OutageError where the catalog, the warehouse or a notifier failed: what does not need it is done, and the next run does
    the rest.
    """
    with lake_write_lock(platform):
        cancel_superseded_runs()
        erase_customers(platform, raw or platform.raw)  # first: everything is rebuilt then, from who is left
        decided = decide_on_files(platform, discard, retry, retry_held, max_quarantined_share, max_missing_share)
        share = defaults.MAX_QUARANTINED_SHARE if decided else max_quarantined_share
        files = {"raw": raw or platform.raw, "verify": str(verify).lower()} | ({"day": str(day)} if day else {})
        # After the decision: one that names no known file leaves no request behind.
        is_rebuild = request_rebuild(platform, wanted=full_refresh or decided)
        result = _run(platform, files, is_rebuild, share, day)
        problems = format_files(result.results)
        return _completed(result, f"with {problems}") if problems else result


def _completed(result: PipelineResult, message: str) -> Any:
    """The result as the state of the flow run, with a message that its readers see."""
    state: State[PipelineResult] = Completed(data=result, message=message)
    return state


def _run(
    platform: Platform, files: dict[str, str], full_refresh: bool, max_quarantined_share: float, day: date | None
) -> PipelineResult:
    run_id = new_run_id()
    limits = {"max_quarantined_share": str(max_quarantined_share), "full_refresh": str(full_refresh).lower()}
    results, outages, load = list[JobResult](), Outages(), NOT_LOADED
    ended_by: BaseException | None = None
    try:
        for job, arguments in (("bronze", files), ("silver", {}), ("gold", {})):
            completed = run_glue_job(platform, job, run_id, limits | arguments)
            results += completed
            enforce_gate(platform, job, completed)
        rename_flow_run(_name(day, format_file_count(results)))
        outages.attempt("the catalog", register_tables, platform)
        version = outages.attempt(WAREHOUSE, loaded_version, platform)
        exported = run_glue_job(platform, "export", run_id, limits | export_arguments(platform, version))
        results += exported
        dashboard = publish_dashboard(platform)
        load = outages.attempt(WAREHOUSE, _load, platform, run_id, limits, exported) or NOT_LOADED
        record_warehouse(platform, load)
        outages.attempt("alerts", send_alerts, platform)
        outages.attempt("messages about files", notify_about_files, platform)
        outages.attempt("metrics", record_gold_age, platform)
    except BaseException as error:
        ended_by = error
        raise
    finally:
        report = publish_report(platform, results)
        outages.attempt("lineage", publish_lineage, platform, run_id, files, results, load, outages.missing, ended_by)
    outages.raise_if_any()
    return PipelineResult(run_id, results, load, report, dashboard)


def _load(platform: Platform, run_id: str, limits: dict[str, str], exported: list[JobResult]) -> Load:
    """Load what was exported and, after an erasure, take what it has replaced out of the warehouse's files."""
    load = _load_equal(platform, run_id, limits, exported)
    if load.version is not None and is_vacuum_due(platform):
        vacuum_warehouse(platform)
    return load


def _load_equal(platform: Platform, run_id: str, limits: dict[str, str], exported: list[JobResult]) -> Load:
    """Load what was exported; where the warehouse then differs from the lake, export everything and load that."""
    load = load_warehouse(platform, result_of_step(exported, WAREHOUSE_STEP).version_after)
    if not load.differences:
        return load
    note = f"the warehouse differed from the lake in {', '.join(load.differences)}: loaded again in full"
    LOGGER.warning("warehouse: %s", note)
    everything = run_glue_job(platform, "export", run_id, limits | export_arguments(platform, None))
    version = result_of_step(everything, WAREHOUSE_STEP).version_after
    return replace(load_warehouse(platform, version, again=True), note=note)


def _name(day: date | None = None, files: str = "") -> str:
    return f"churn-pipeline {day or datetime.now(UTC).date()} {files}".rstrip()
