"""The visible gate: results of a job become an artifact, or a failure that says what failed."""

from collections.abc import Sequence

from prefect.artifacts import create_table_artifact

from blocks.platform import Platform
from contract.errors import BrokenCheckError, GateError
from lake.results import Check, JobResult
from serving.quality_report import REPORT
from tasks.assets import describe, materializing

_REASONS = 3


def enforce_gate(platform: Platform, job: str, results: Sequence[JobResult]) -> None:
    """Publish the checks of `results`; raise GateError or BrokenCheckError if a batch was stopped.

    Runs as a task that materializes the job's tables as assets.
    """
    names = {"name": "quality-gate", "task_run_name": f"gate {job}"}
    materializing(_check, platform, results, **names)(platform, job, results)


def _check(platform: Platform, job: str, results: Sequence[JobResult]) -> None:
    rows = [_row(result, check) for result in results for check in result.checks]
    if rows:
        create_table_artifact(key=f"quality-{job}", table=rows, description=_description(platform, results))
    stopped = [result for result in results if result.is_stopped]
    if stopped:
        kind = BrokenCheckError if any(result.outcome == "broken" for result in stopped) else GateError
        raise kind(_message(stopped))
    describe(platform, results)


def _row(result: JobResult, check: Check) -> dict[str, object]:
    return {
        "result": _verdict(check),
        "severity": check.severity,
        "on": check.subject,
        "expectation": check.expectation.removesuffix(f" ({check.limit})"),
        "observed": check.observed,
        "failing": "" if check.failing_percent is None else f"{check.failing_percent:.2f} %",
        "limit": check.limit,
        "table": result.name,
    }


def _verdict(check: Check) -> str:
    if check.broken:
        return "broken"
    return "passed" if check.success else "failed"


def _description(platform: Platform, results: Sequence[JobResult]) -> str:
    lines = [
        f"- **{r.name}**: {r.outcome}; {r.rows_read:,} read, {r.rows_written:,} written, {r.rows_quarantined:,} quarantined"
        for r in results
    ]
    return "\n".join([*lines, "", f"Report: {platform.folder().uri(REPORT)}"])


def _message(stopped: Sequence[JobResult]) -> str:
    """The most important reasons: what is broken, then what fails most."""
    failures = [(result, check) for result in stopped for check in result.failures()]
    ranked = sorted(failures, key=lambda pair: (not pair[1].broken, -(pair[1].failing_percent or 0)))
    lines = [f"{result.name}: {check.sentence()}" for result, check in ranked[:_REASONS]]
    if len(ranked) > _REASONS:
        lines.append(f"and {len(ranked) - _REASONS} more, in the artifact and the report")
    return "the gate stopped the batch, nothing of it was published:\n  " + "\n  ".join(lines)
