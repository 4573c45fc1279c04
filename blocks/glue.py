"""Job runners: start `transforms/glue_main.py` somewhere and watch it."""

from pathlib import Path
from typing import Any, Self

from prefect.blocks.abstract import JobBlock, JobRun
from pydantic import Field

from transforms import errors
from transforms.results import JobResult, Results


class LocalGlueJob(JobBlock[list[JobResult]]):
    """Runs the Glue script with this machine's Spark, in a warm worker process."""

    _block_type_name = "Local Glue Job"
    _block_type_slug = "local-glue-job"
    _description = "Runs the churn lakehouse's Glue script with this machine's Spark."

    arguments: dict[str, str] = Field(
        default_factory=dict, title="Arguments", description="Arguments of glue_main.py by name, without dashes."
    )
    small: bool = Field(
        default=True, title="Small input", description="Prefer a quick start of Spark to peak speed on large input."
    )

    def with_arguments(self, **arguments: str) -> Self:
        """A copy of this job with further arguments."""
        return self.model_copy(update={"arguments": {**self.arguments, **arguments}})

    def trigger(self) -> "LocalGlueRun":  # type: ignore[override]
        """Start the job."""
        return LocalGlueRun(self)


class LocalGlueRun(JobRun[list[JobResult]]):
    """One run of a `LocalGlueJob`."""

    def __init__(self, job: LocalGlueJob) -> None:
        self._job = job

    def wait_for_completion(self) -> None:  # type: ignore[override]
        """Run the job to its end. Raises the job's own error."""
        from local.spark_client import warm_worker

        arguments = [text for name, value in self._job.arguments.items() for text in (f"--{name}", value)]
        answer = warm_worker(small=self._job.small).run(arguments)
        if answer["state"] != "SUCCEEDED":
            raise _error(answer)

    def fetch_result(self) -> list[JobResult]:  # type: ignore[override]
        """What the job wrote beside the lake, a result per table."""
        given = self._job.arguments
        return Results(Path(given["lake"])).of_job(given["run_id"], given["job"])


def _error(answer: dict[str, Any]) -> errors.ChurnError:
    """The job's error as the type that it had there."""
    kind = getattr(errors, answer["kind"], errors.JobError)
    error: errors.ChurnError = kind(answer["message"])
    return error
