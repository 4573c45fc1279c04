"""The road: raw files to bronze, silver, gold and the warehouse, a gate behind every layer."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from prefect import flow

from blocks.platform import Platform
from tasks.alerts import send_alerts
from tasks.assets import record_warehouse
from tasks.catalog import register_tables
from tasks.glue import run_glue_job
from tasks.quality import quality_gate
from tasks.report import publish_dashboard, publish_report
from tasks.runs import absorb_waiting_runs, files_in_words, name_run, new_run_id, only_writer
from tasks.warehouse import Load, load_warehouse, loaded_version
from transforms.results import JobResult


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
    max_quarantined_share: float = 0.05,
    day: date | None = None,
) -> PipelineResult:
    """Bring everything up to date with the files below `raw`, the platform's own place where it is empty.

    `full_refresh` rebuilds silver, gold and the warehouse table from all of bronze.
    `max_quarantined_share` (0 to 1) is the share of faulty rows above which a batch stops.
    `day` leaves files of other days alone. Raises GateError when a batch fails a critical expectation.
    """
    with only_writer(platform):
        absorb_waiting_runs()
        return _road(platform, raw or platform.raw, full_refresh, max_quarantined_share, day)


def _road(
    platform: Platform, raw: str, full_refresh: bool, max_quarantined_share: float, day: date | None
) -> PipelineResult:
    run_id = new_run_id()
    limits = {"max_quarantined_share": str(max_quarantined_share), "full_refresh": str(full_refresh).lower()}
    files = {"raw": raw} | ({"day": str(day)} if day else {})
    results: list[JobResult] = []
    try:
        for job, arguments in (("bronze", files), ("silver", {}), ("gold", {})):
            done = run_glue_job(platform, job, run_id, limits | arguments)
            results += done
            quality_gate(platform, job, done)
        name_run(_name(day, files_in_words(results)))
        register_tables(platform)
        loaded = loaded_version(platform)
        results += run_glue_job(platform, "export", run_id, limits | {"loaded": str(loaded or "")})
        dashboard = publish_dashboard(platform)
        load = load_warehouse(platform, results[-1].version_after)
        record_warehouse(platform, load)
        send_alerts(platform)
    finally:
        report = publish_report(platform, results)
    return PipelineResult(run_id, results, load, report, dashboard)


def _name(day: date | None = None, files: str = "") -> str:
    return f"churn-pipeline {day or datetime.now(UTC).date()} {files}".rstrip()
