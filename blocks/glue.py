"""Job runners: start the Glue script, here or on AWS, and watch it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from prefect.blocks.abstract import JobBlock, JobRun
from prefect_aws import AwsCredentials
from pydantic import Field, model_validator
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from blocks.aws import aws_client
from blocks.saved import renamed
from contract.errors import ChurnError, JobError, LakeError, error_from_code
from contract.log import LOGGER
from contract.version import source_version
from infrastructure.aws.calls import aws_errors_as, error_code, poll_intervals
from infrastructure.aws.glue_workers import Job, Workers
from infrastructure.local.spark_client import warm_worker
from lake.results import JobResult, Results
from lake.storage import S3_SCHEMES, open_folder

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
_MAX_LISTED_RUNS = 200
_FIRST_POLL_SECONDS = 2.0
_LOG_GROUPS = "/aws-glue/jobs"


def script_arguments(arguments: Mapping[str, str]) -> dict[str, str]:
    """Return what is passed to the Glue script for `arguments`; an empty one is left out, and has the script's default.

    Glue passes the name of an empty argument without a value, which the script would refuse.
    """
    return {f"--{name}": value for name, value in arguments.items() if value}


class LocalGlueJob(JobBlock[list[JobResult]]):
    """Runs the Glue script with this machine's Spark, in a warm worker process."""

    _block_type_name = "Local Glue Job"
    _block_type_slug = "local-glue-job"
    _description = "Runs the churn lakehouse's Glue script with this machine's Spark."

    arguments: dict[str, str] = Field(
        default_factory=dict,
        title="Arguments",
        description="Arguments of the Glue script by name, without dashes; an empty one is left out.",
    )
    fast_start: bool = Field(
        default=True, title="Fast start", description="Prefer a quick start of Spark to peak speed on large input."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_first_release(cls, given: Any) -> Any:
        """Rename the field `small` of blocks that release 0.1.0 saved."""
        return renamed(given, small="fast_start")

    def with_arguments(self, **arguments: str) -> Self:
        """Return a copy of this job with further arguments."""
        return self.model_copy(update={"arguments": {**self.arguments, **arguments}})

    def trigger(self) -> "LocalGlueRun":  # type: ignore[override]
        """Return a run; it starts when it is waited for."""
        return LocalGlueRun(self)


class LocalGlueRun(JobRun[list[JobResult]]):
    """One run of a `LocalGlueJob`."""

    def __init__(self, job: LocalGlueJob) -> None:
        self._job = job

    @property
    def argv(self) -> list[str]:
        """Return the arguments as the script gets them."""
        return [text for argument in script_arguments(self._job.arguments).items() for text in argument]

    def wait_for_completion(self) -> None:  # type: ignore[override]
        """Run the job to its end. Raises the job's own error."""
        uses_s3 = self._job.arguments["lake"].startswith(S3_SCHEMES)
        response = warm_worker(fast_start=self._job.fast_start, s3=uses_s3).run(self.argv)
        if response["state"] != "SUCCEEDED":
            raise error_from_code(response["code"], response["message"])

    def fetch_result(self) -> list[JobResult]:  # type: ignore[override]
        """Return what the job wrote beside the lake, a result per table or step. Raises JobError when there is none."""
        given = self._job.arguments
        return Results(open_folder(given["lake"])).for_job(given["run_id"], given["job"])


class GlueJob(JobBlock[list[JobResult]]):
    """Runs the Glue script on AWS Glue.

    A logical run has a key, `<run id>/<job>`, which is passed as the argument `--run_key`:
    triggering it again, after a crash or a retry, watches the existing run instead
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
        default_factory=dict,
        title="Arguments",
        description="Arguments of the Glue script by name, without dashes; an empty one is left out.",
    )
    worker_type: str | None = Field(
        default=None, title="Worker type", description="For example G.1X; the job's own where empty."
    )
    number_of_workers: int | None = Field(
        default=None, title="Number of workers", description="At least 2; the job's own where empty."
    )
    workers_by_job: dict[Job, Workers] = Field(
        default_factory=dict,
        title="Workers by job",
        description="Workers of single jobs of the pipeline (bronze, silver, gold, export, …) instead of the above.",
    )
    timeout_minutes: int | None = Field(
        default=None, title="Timeout", description="Minutes after which Glue stops a run; the job's own where empty."
    )
    poll_seconds: float = Field(default=20.0, title="Poll seconds", description="Maximum polling interval in seconds.")
    start_timeout_seconds: float = Field(
        default=1800.0,
        title="Start timeout",
        description="Seconds to try starting while Glue is busy with another run.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_first_release(cls, given: Any) -> Any:
        """Rename the field `patience_seconds` of blocks that release 0.1.0 saved."""
        return renamed(given, patience_seconds="start_timeout_seconds")

    def with_arguments(self, **arguments: str) -> Self:
        """Return a copy of this job with further arguments."""
        return self.model_copy(update={"arguments": {**self.arguments, **arguments}})

    @property
    def run_key(self) -> str:
        """Return what identifies this logical run among all runs of the job."""
        return f"{self.arguments['run_id']}/{self.arguments['job']}"

    def trigger(self) -> "GlueRun":  # type: ignore[override]
        """Start the job, or find the run that an earlier call with the same key has started; return it. Raises JobError."""
        with aws_errors_as(f"starting the Glue job {self.job_name}", JobError):
            for attempt in self._retrying():
                with attempt:
                    run_id = self._find() or self._start()
        return GlueRun(self, run_id)

    def _retrying(self) -> Retrying:
        """Retry while Glue is busy; each try searches first, as a run may have started although the response was lost."""
        return Retrying(
            retry=retry_if_exception(_is_passing),
            wait=wait_random_exponential(multiplier=1, max=max(1.0, self.poll_seconds)),
            stop=stop_after_delay(self.start_timeout_seconds),
            before_sleep=self._log_busy,
            reraise=True,
        )

    def _log_busy(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        LOGGER.info("%s: Glue is busy, trying again (%s)", self.run_key, error)

    def _find(self) -> str | None:
        """The newest run with our key that is alive or has succeeded, among the last ones."""
        found = aws_client(self.credentials, "glue").get_job_runs(JobName=self.job_name, MaxResults=_MAX_LISTED_RUNS)
        for run in found["JobRuns"]:
            if run.get("Arguments", {}).get("--run_key") == self.run_key:
                if run["JobRunState"] not in (*_ALIVE, "SUCCEEDED"):
                    return None
                LOGGER.info("%s: watching the run %s, which is %s", self.run_key, run["Id"], run["JobRunState"])
                return str(run["Id"])
        return None

    def _start(self) -> str:
        identity = {"run_key": self.run_key, "source_version": source_version()}
        arguments = script_arguments({**self.arguments, **identity})
        workers = self.workers_by_job.get(self.arguments["job"], self)
        overrides = {
            "WorkerType": workers.worker_type,
            "NumberOfWorkers": workers.number_of_workers,
            "Timeout": self.timeout_minutes,
        }
        given = {name: value for name, value in overrides.items() if value is not None}
        glue = aws_client(self.credentials, "glue", once=True)
        run_id = str(glue.start_job_run(JobName=self.job_name, Arguments=arguments, **given)["JobRunId"])
        LOGGER.info("%s: started on Glue as %s", self.run_key, run_id)
        return run_id


class GlueRun(JobRun[list[JobResult]]):
    """One run of a `GlueJob`."""

    def __init__(self, job: GlueJob, run_id: str) -> None:
        self._job = job
        self._glue = aws_client(job.credentials, "glue")
        self._log = GlueLog(job.credentials, run_id)
        self.run_id = run_id

    def wait_for_completion(self) -> None:  # type: ignore[override]
        """Watch the run to its end. Raises the job's own error, JobError where it has none.

        When the flow is cancelled meanwhile, the run is stopped as well.
        """
        with self._stopped_with_us(), aws_errors_as(f"watching the Glue run {self.run_id}", JobError):
            self._watch()

    def _watch(self) -> None:
        began, last = datetime.now(UTC), ""
        waits = poll_intervals(_FIRST_POLL_SECONDS, self._job.poll_seconds)
        while True:
            run = self._glue.get_job_run(JobName=self._job.job_name, RunId=self.run_id)["JobRun"]
            state, group = run["JobRunState"], log_group(run)
            if not last:
                LOGGER.info("%s: logs %s", self._job.run_key, self._log.link(group))
            if state != last:
                LOGGER.info("%s: %s after %d s", self._job.run_key, state, (datetime.now(UTC) - began).total_seconds())
            self._log.forward(group, ended=state not in _ALIVE)
            if state in _FAILED:
                raise self._failure(run)
            if state == "SUCCEEDED":
                return
            last = state
            time.sleep(next(waits))

    def fetch_result(self) -> list[JobResult]:  # type: ignore[override]
        """Return what the job wrote beside the lake, a result per table or step. Raises JobError when there is none."""
        return self._results().for_job(self._job.arguments["run_id"], self._job.arguments["job"])

    def _results(self) -> Results:
        return Results(open_folder(self._job.arguments["lake"], aws_client(self._job.credentials, "s3")))

    def _failure(self, run: dict[str, Any]) -> ChurnError:
        """The error that the script recorded, else what Glue says."""
        recorded = self._recorded_failure() if run["JobRunState"] == "FAILED" else None
        if recorded is not None:
            return recorded
        message = run.get("ErrorMessage") or f"Glue gave no reason for the state {run['JobRunState']}"
        return JobError(
            f"the Glue run {run['Id']} ended as {run['JobRunState']}: {message} "
            f"Its log: {self._log.link(log_group(run))}"
        )

    def _recorded_failure(self) -> ChurnError | None:
        try:
            return self._results().failure(self._job.arguments["run_id"], self._job.arguments["job"])
        except LakeError as error:
            LOGGER.warning("%s: cannot read the error that the script recorded: %s", self._job.run_key, error)
            return None

    def stop(self) -> bool:
        """Ask Glue to stop the run; return whether it agreed."""
        try:
            answer = self._glue.batch_stop_job_run(JobName=self._job.job_name, JobRunIds=[self.run_id])
        except (BotoCoreError, ClientError) as error:
            refused = str(error)
        else:
            refused = "; ".join(str(e.get("ErrorDetail", {}).get("ErrorMessage", e)) for e in answer.get("Errors", ()))
        if refused:
            LOGGER.error(
                "%s: could not stop the Glue run %s (%s); stop it in the console",
                self._job.run_key,
                self.run_id,
                refused,
            )
        else:
            LOGGER.info("%s: stopped the Glue run %s", self._job.run_key, self.run_id)
        return not refused

    @contextmanager
    def _stopped_with_us(self) -> Iterator[None]:
        """Stop the run when this process is cancelled, timed out or interrupted: none of these is an Exception."""
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self.stop()
            raise


def log_group(run: Mapping[str, Any]) -> str:
    """Return the log group of what the script of a Glue run prints; a security configuration has groups of its own."""
    return f"{run.get('LogGroupName', _LOG_GROUPS).rstrip('/')}/output"


class GlueLog:
    """What the script of a run prints, in CloudWatch."""

    def __init__(self, credentials: AwsCredentials, run_id: str) -> None:
        self._logs = aws_client(credentials, "logs")
        self._run_id = run_id
        self._streams: tuple[str, ...] = (run_id, f"{run_id}-driver")
        self._seen: dict[str, str] = {}
        self._is_unreadable = False

    def link(self, group: str) -> str:
        """Return the address of the log in CloudWatch."""
        region = self._logs.meta.region_name
        return (
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
            f"#logsV2:log-groups/log-group/{group.replace('/', '$252F')}/log-events/{self._run_id}"
        )

    def forward(self, group: str, *, ended: bool) -> None:
        """Log new lines. A log that cannot be read stops nothing: that is said once; there is none before the run prints."""
        try:
            self._forward(group)
        except (BotoCoreError, ClientError) as error:
            is_early = not ended and error_code(error) == "ResourceNotFoundException"
            if is_early or self._is_unreadable:
                return
            self._is_unreadable = True
            LOGGER.warning("the log of the Glue run %s cannot be read, in the group %s: %s", self._run_id, group, error)

    def _forward(self, group: str) -> None:
        while True:
            page = self._page(group)
            for event in page["events"]:
                LOGGER.info("  %s", event["message"].rstrip())
            if not page["events"] or page["nextForwardToken"] == self._seen.get("nextToken"):
                return
            self._seen = {"nextToken": page["nextForwardToken"]}

    def _page(self, group: str) -> dict[str, Any]:
        """The next lines of the first stream that is there: Glue names it after the run, or the run's driver."""
        *others, last = self._streams
        for stream in others:
            with suppress(self._logs.exceptions.ResourceNotFoundException):
                page = self._events(group, stream)
                self._streams = (stream,)
                return page
        return self._events(group, last)

    def _events(self, group: str, stream: str) -> dict[str, Any]:
        page: dict[str, Any] = self._logs.get_log_events(
            logGroupName=group, logStreamName=stream, startFromHead=True, **self._seen
        )
        return page


def _is_passing(error: BaseException) -> bool:
    """Whether a repeated call may succeed."""
    return error_code(error) in _BUSY if isinstance(error, ClientError) else isinstance(error, HTTPClientError)
