"""The visible gate: results of a job become an artifact, or a failure that says what failed."""

from collections.abc import Sequence

from prefect import task
from prefect.artifacts import create_table_artifact

from tasks.defaults import TAGS
from transforms.errors import BrokenCheckError, GateError
from transforms.results import JobResult


@task(name="quality-gate", task_run_name="gate {job}", tags=TAGS, persist_result=False)
def quality_gate(job: str, results: Sequence[JobResult]) -> None:
    """Publish the checks of `results`; raise GateError or BrokenCheckError if a batch was stopped."""
    rows = [
        {
            "table": r.table,
            "check": c.expectation,
            "on": c.subject,
            "severity": c.severity,
            "result": _verdict(c.success, c.broken),
            "observed": c.observed,
        }
        for r in results
        for c in r.checks
    ]
    if rows:
        create_table_artifact(key=f"quality-{job}", table=rows, description=_description(results))
    stopped = [result for result in results if result.outcome in ("failed", "broken")]
    if stopped:
        kind = BrokenCheckError if any(result.outcome == "broken" for result in stopped) else GateError
        raise kind(_message(stopped))


def _verdict(success: bool, broken: bool) -> str:
    if broken:
        return "broken"
    return "passed" if success else "failed"


def _description(results: Sequence[JobResult]) -> str:
    lines = [
        f"- **{r.table}**: {r.outcome}; {r.rows_read:,} read, {r.rows_written:,} written, {r.rows_quarantined:,} quarantined"
        for r in results
    ]
    return "\n".join(lines)


def _message(stopped: Sequence[JobResult]) -> str:
    lines = [f"{r.table}: {check.sentence()}" for r in stopped for check in r.failures()]
    return "the gate stopped the batch, nothing of it was published:\n  " + "\n  ".join(lines)
