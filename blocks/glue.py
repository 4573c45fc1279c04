"""Job runners: start `transforms/glue_main.py` somewhere and watch it."""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from prefect.blocks.abstract import JobBlock, JobRun
from prefect_aws import AwsCredentials
from pydantic import Field
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from blocks.aws import client_of, code_of, explained, pauses
from transforms import errors
from transforms.results import JobResult, Results
from transforms.runtime.storage import S3_SCHEMES, open_folder

_log = logging.getLogger("churn")

_FAILED = ("FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED")
_ALIVE = ("STARTING", "RUNNING", "WAITING", "STOPPING")
_BUSY = (
    "ConcurrentRunsExceededException",
    "ThrottlingException",
    "Throttling",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "ResourceNumberLimitExceededException",
    "InternalServiceException",
    "OperationTimeoutException",
    "ServiceUnavailable",
)
_LOOK_BACK = 200
_FIRST_POLL_SECONDS = 2.0
_LOG_GROUP = "/aws-glue/jobs/output"
_KINDS = re.compile(r"\b(\w+Error): (.*)", re.DOTALL)


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
        answer = warm_worker(small=self._job.small, s3=self._job.arguments["lake"].startswith(S3_SCHEMES)).run(
            arguments
        )
        if answer["state"] != "SUCCEEDED":
            raise _error(answer)

    def fetch_result(self) -> list[JobResult]:  # type: ignore[override]
        """What the job wrote beside the lake, a result per table."""
        given = self._job.arguments
        return Results(open_folder(given["lake"])).of_job(given["run_id"], given["job"])


class GlueJob(JobBlock[list[JobResult]]):
    """Runs the Glue script on AWS Glue.

    A logical run has a key, `<run id>/<job>`, which is passed as the argument `--run_key`:
    triggering it again, after a crash or a retry, watches the run that is there instead
    of starting another.
    """

    _block_type_name = "Glue Job"
    _block_type_slug = "churn-glue-job"
    _description = "Runs the churn lakehouse's script on AWS Glue."

    credentials: AwsCredentials = Field(
        default_factory=AwsCredentials, title="AWS credentials", description="Account and region of the job."
    )
    job_name: str = Field(title="Job name", description="Name of the Glue job, an output of the stack.")
    arguments: dict[str, str] = Field(
        default_factory=dict, title="Arguments", description="Arguments of glue_main.py by name, without dashes."
    )
    worker_type: str | None = Field(
        default=None, title="Worker type", description="For example G.1X; the job's own where empty."
    )
    number_of_workers: int | None = Field(
        default=None, title="Number of workers", description="At least 2; the job's own where empty."
    )
    timeout_minutes: int | None = Field(
        default=None, title="Timeout", description="Minutes after which Glue stops a run; the job's own where empty."
    )
    poll_seconds: float = Field(
        default=20.0, title="Poll seconds", description="Longest pause between two looks at a run."
    )
    patience_seconds: float = Field(
        default=1800.0, title="Patience", description="Seconds to try starting while Glue is busy with another run."
    )

    def with_arguments(self, **arguments: str) -> Self:
        """A copy of this job with further arguments."""
        return self.model_copy(update={"arguments": {**self.arguments, **arguments}})

    @property
    def run_key(self) -> str:
        """What names this logical run among all runs of the job."""
        return f"{self.arguments['run_id']}/{self.arguments['job']}"

    def trigger(self) -> "GlueRun":  # type: ignore[override]
        """Start the job, or find the run that an earlier call with the same key has started. Raises JobError."""
        with explained(f"starting the Glue job {self.job_name}", errors.JobError):
            for attempt in self._retrying():
                with attempt:
                    run_id = self._find() or self._start()
        return GlueRun(self, run_id)

    def _retrying(self) -> Retrying:
        """Tries again while Glue is busy; each try looks first, as an answer may be lost when the run is not."""
        return Retrying(
            retry=retry_if_exception(_is_passing),
            wait=wait_random_exponential(multiplier=1, max=max(1.0, self.poll_seconds)),
            stop=stop_after_delay(self.patience_seconds),
            before_sleep=self._say_busy,
            reraise=True,
        )

    def _say_busy(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _log.info("%s: Glue is busy, trying again (%s)", self.run_key, error)

    def _find(self) -> str | None:
        """The newest run with our key that is alive or has succeeded, among the last ones."""
        found = client_of(self.credentials, "glue").get_job_runs(JobName=self.job_name, MaxResults=_LOOK_BACK)
        for run in found["JobRuns"]:
            if run.get("Arguments", {}).get("--run_key") == self.run_key:
                if run["JobRunState"] not in (*_ALIVE, "SUCCEEDED"):
                    return None
                _log.info("%s: watching the run %s, which is %s", self.run_key, run["Id"], run["JobRunState"])
                return str(run["Id"])
        return None

    def _start(self) -> str:
        arguments = {f"--{name}": value for name, value in self.arguments.items()} | {"--run_key": self.run_key}
        overrides = {
            "WorkerType": self.worker_type,
            "NumberOfWorkers": self.number_of_workers,
            "Timeout": self.timeout_minutes,
        }
        given = {name: value for name, value in overrides.items() if value is not None}
        glue = client_of(self.credentials, "glue", once=True)
        run_id = str(glue.start_job_run(JobName=self.job_name, Arguments=arguments, **given)["JobRunId"])
        _log.info("%s: started on Glue as %s", self.run_key, run_id)
        return run_id


class GlueRun(JobRun[list[JobResult]]):
    """One run of a `GlueJob`."""

    def __init__(self, job: GlueJob, run_id: str) -> None:
        self._job = job
        self._glue = client_of(job.credentials, "glue")
        self._log = GlueLog(job.credentials, run_id)
        self.run_id = run_id

    @property
    def log_link(self) -> str:
        """The run's output in CloudWatch."""
        region = self._glue.meta.region_name
        group = _LOG_GROUP.replace("/", "$252F")
        return (
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
            f"#logsV2:log-groups/log-group/{group}/log-events/{self.run_id}"
        )

    def wait_for_completion(self) -> None:  # type: ignore[override]
        """Watch the run to its end. Raises the job's own error, JobError where it has none.

        When the flow is cancelled meanwhile, the run is stopped as well.
        """
        _log.info("%s: logs %s", self._job.run_key, self.log_link)
        with self._stopped_with_us(), explained(f"watching the Glue run {self.run_id}", errors.JobError):
            self._watch()

    def _watch(self) -> None:
        began, last = datetime.now(UTC), ""
        waits = pauses(_FIRST_POLL_SECONDS, self._job.poll_seconds)
        while True:
            run = self._glue.get_job_run(JobName=self._job.job_name, RunId=self.run_id)["JobRun"]
            state = run["JobRunState"]
            if state != last:
                _log.info("%s: %s after %d s", self._job.run_key, state, (datetime.now(UTC) - began).total_seconds())
            self._log.tell()
            if state in _FAILED:
                raise _failure(run, self.log_link)
            if state == "SUCCEEDED":
                return
            last = state
            time.sleep(next(waits))

    def fetch_result(self) -> list[JobResult]:  # type: ignore[override]
        """What the job wrote beside the lake, a result per table."""
        given = self._job.arguments
        folder = open_folder(given["lake"], client_of(self._job.credentials, "s3"))
        return Results(folder).of_job(given["run_id"], given["job"])

    def stop(self) -> bool:
        """Ask Glue to stop the run; whether it agreed."""
        try:
            answer = self._glue.batch_stop_job_run(JobName=self._job.job_name, JobRunIds=[self.run_id])
        except (BotoCoreError, ClientError) as error:
            refused = str(error)
        else:
            refused = "; ".join(str(e.get("ErrorDetail", {}).get("ErrorMessage", e)) for e in answer.get("Errors", ()))
        if refused:
            _log.error(
                "%s: could not stop the Glue run %s (%s); stop it by hand", self._job.run_key, self.run_id, refused
            )
        else:
            _log.info("%s: stopped the Glue run %s", self._job.run_key, self.run_id)
        return not refused

    @contextmanager
    def _stopped_with_us(self) -> Iterator[None]:
        """Cancellation, a task's timeout and Ctrl-C are no Exception: they end the run too."""
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self.stop()
            raise


class GlueLog:
    """What the script of a run prints, in CloudWatch."""

    def __init__(self, credentials: AwsCredentials, run_id: str) -> None:
        self._logs = client_of(credentials, "logs")
        self._place = {"logGroupName": _LOG_GROUP, "logStreamName": run_id}
        self._seen: dict[str, str] = {}

    def tell(self) -> None:
        """Log what is new. The log is no part of the work: where it cannot be read, its link must do."""
        try:
            while True:
                page = self._logs.get_log_events(**self._place, startFromHead=True, **self._seen)
                for event in page["events"]:
                    _log.info("  %s", event["message"].rstrip())
                if not page["events"] or page["nextForwardToken"] == self._seen.get("nextToken"):
                    return
                self._seen = {"nextToken": page["nextForwardToken"]}
        except (BotoCoreError, ClientError) as error:
            _log.debug("no log of the run yet: %s", error)


def _is_passing(error: BaseException) -> bool:
    """Whether a call may succeed when it is made again."""
    return code_of(error) in _BUSY if isinstance(error, ClientError) else isinstance(error, HTTPClientError)


def _failure(run: dict[str, Any], link: str) -> errors.ChurnError:
    """The job's own error as the type that it had there; Glue's message begins with its name."""
    message = run.get("ErrorMessage") or f"Glue gave no reason for the state {run['JobRunState']}"
    named = _KINDS.search(message)
    kind = getattr(errors, named[1], None) if named else None
    if named and isinstance(kind, type) and issubclass(kind, errors.ChurnError):
        return kind(named[2])
    return errors.JobError(f"the Glue run {run['Id']} ended as {run['JobRunState']}: {message} Its log: {link}")


def _error(answer: dict[str, Any]) -> errors.ChurnError:
    """The job's error as the type that it had there."""
    kind = getattr(errors, answer["kind"], errors.JobError)
    error: errors.ChurnError = kind(answer["message"])
    return error
