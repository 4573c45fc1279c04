"""The road: raw files to bronze, silver, gold and the warehouse, a gate behind every layer."""

from dataclasses import dataclass
from datetime import UTC, datetime

from prefect import flow

from blocks.platform import Platform
from tasks.catalog import register_tables
from tasks.glue import run_glue_job
from tasks.quality import quality_gate
from tasks.report import publish_report
from tasks.warehouse import Load, load_warehouse, loaded_version
from transforms.results import JobResult


@dataclass(frozen=True)
class PipelineResult:
    """What one run did."""

    run_id: str
    results: list[JobResult]
    load: Load
    report: str


@flow(name="churn-pipeline", flow_run_name="churn {raw}", persist_result=False)
def churn_pipeline(
    raw: str, platform: Platform, full_refresh: bool = False, max_quarantined_share: float = 0.05
) -> PipelineResult:
    """Bring everything up to date with the files below `raw`.

    `full_refresh` rebuilds silver, gold and the warehouse table from all of bronze.
    `max_quarantined_share` (0 to 1) is the share of faulty rows above which a batch stops.
    Raises GateError when a batch fails a critical expectation.
    """
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    limits = {"max_quarantined_share": str(max_quarantined_share), "full_refresh": str(full_refresh).lower()}
    results: list[JobResult] = []
    try:
        for job, arguments in (("bronze", {"raw": raw}), ("silver", {}), ("gold", {})):
            done = run_glue_job(platform, job, run_id, limits | arguments)
            results += done
            quality_gate(job, done)
        register_tables(platform)
        loaded = loaded_version(platform)
        results += run_glue_job(platform, "export", run_id, limits | {"loaded": str(loaded or "")})
        load = load_warehouse(platform, results[-1].version_after)
    finally:
        report = publish_report(platform, results)
    return PipelineResult(run_id, results, load, report)
