"""The results of jobs: written beside the lake, read by gates, artifacts, status and reports."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from contract.errors import ChurnError, JobError, error_from_code
from contract.tables import LAYERS
from lake.documents import Documents
from lake.storage import Folder

Outcome = Literal["passed", "warned", "failed", "broken", "unchanged"]
Severity = Literal["critical", "warning", "info"]

# What the export job does that is work on no table.
DASHBOARD_STEP, WAREHOUSE_STEP = "dashboard", "warehouse"


@dataclass(frozen=True)
class Check:
    """One expectation on one batch.

    `broken` means that it could not be evaluated: neither passed nor failed. `limit` is what was
    expected, in words, `failing_percent` (0 to 100) the share of rows that do not meet it, None
    where rows are not counted. `examples` are a few offending values.
    """

    expectation: str
    subject: str
    severity: Severity
    success: bool
    broken: bool = False
    observed: str = ""
    examples: tuple[str, ...] = ()
    limit: str = ""
    failing_percent: float | None = None

    @property
    def stops(self) -> bool:
        """Return whether the batch must not be published."""
        return self.broken or (not self.success and self.severity == "critical")

    def sentence(self) -> str:
        """Return one line for a person, also in a message: what was expected and how far it was met, no customer's value."""
        verdict = "could not be evaluated" if self.broken else "failed"
        return f"{self.severity}: {self.expectation} on {self.subject} {verdict} ({self.observed})"


@dataclass(frozen=True)
class BatchStatistics:
    """What was measured on a batch.

    `rows` and `files` count, None where nothing was counted; `null_rates` are shares (0 to 1) by column, `kpis`
    values by KPI. `is_whole`: all of bronze, as in a full refresh, and not a day's increment.
    """

    rows: int | None = None
    files: int | None = None
    null_rates: dict[str, float] = field(default_factory=dict)
    kpis: dict[str, float] = field(default_factory=dict)
    is_whole: bool = False


@dataclass(frozen=True)
class FileNote:
    """A raw file that was set aside, and why; `is_new` says that no earlier run has reported it."""

    file: str
    reason: str
    is_new: bool


@dataclass(frozen=True)
class HeldFile:
    """A file whose newest delivery is held: `quarantined` of its `rows` break rules; `reason` says which, and what to do.

    `is_new` says that no earlier run has reported it. `summary` is the reason without what to do, `retry` and `discard`
    are the commands that take the file as it is and that drop it.
    """

    file: str
    feed: str
    batch: int
    rows: int
    quarantined: int
    reason: str
    is_new: bool
    summary: str = ""
    retry: str = ""
    discard: str = ""


@dataclass(frozen=True)
class RecordAccount:
    """Where the records of one file of a batch have gone: each is of exactly one kind.

    `received` are the records that were read. `written`: silver.customers has values of it that say something new.
    `unchanged`: it says what was known. `incomplete`: as these, of a customer of whom something required has not arrived.
    `deleted`: a deletion that counts. `superseded`: something newer is known, or it is an image before a change, the same
    again, or a deletion of somebody unknown. `quarantined`: it breaks a rule. `erased`: its customer is forgotten.
    `left_out`: its delivery is held, discarded or was delivered anew. `lost`: bronze does not have it any more.
    """

    file: str
    batch: int
    received: int
    written: int = 0
    unchanged: int = 0
    superseded: int = 0
    quarantined: int = 0
    incomplete: int = 0
    deleted: int = 0
    erased: int = 0
    left_out: int = 0
    lost: int = 0

    @property
    def kinds(self) -> dict[str, int]:
        """Return the number of records of each kind."""
        return {name: getattr(self, name) for name in ACCOUNT_KINDS}

    @property
    def is_balanced(self) -> bool:
        """Return whether each record that was received is of one kind."""
        return min(self.kinds.values()) >= 0 and sum(self.kinds.values()) == self.received

    def counts(self) -> str:
        """Return the account in words, without the name of the file."""
        kinds = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in self.kinds.items() if count)
        return f"{self.received:,} received: {kinds or 'none accounted for'}"

    def sentence(self) -> str:
        """Return the account in words."""
        return f"{self.file} of batch {self.batch}, {self.counts()}"


ACCOUNT_KINDS = (
    "written", "unchanged", "superseded", "quarantined", "incomplete", "deleted", "erased", "left_out",
    "lost",
)  # fmt: skip


@dataclass(frozen=True)
class JobResult:
    """What a `job` did to one `table` in one run, or in one `step` that works on no table.

    Versions are Delta versions. `quarantined_examples` describe a few of the quarantined rows: where each came
    from and which rules it breaks. `set_aside` and `waiting` are raw files that were not ingested, the same on every
    result of the bronze job; `held` are those that the quarantine gate holds, `accounts` say where the records of each
    file have gone, both on the result of silver.customers.
    """

    job: str
    table: str | None
    run_id: str
    started_at: str
    outcome: Outcome
    step: str = ""
    version_before: int | None = None
    version_after: int | None = None
    rows_read: int = 0
    rows_written: int = 0
    rows_quarantined: int = 0
    rows_incomplete: int = 0
    seconds: float = 0.0
    engine: str = ""
    checks: tuple[Check, ...] = ()
    statistics: BatchStatistics = field(default_factory=BatchStatistics)
    notes: tuple[str, ...] = ()
    quarantined_examples: tuple[str, ...] = ()
    set_aside: tuple[FileNote, ...] = ()
    waiting: tuple[str, ...] = ()
    held: tuple[HeldFile, ...] = ()
    accounts: tuple[RecordAccount, ...] = ()

    @property
    def name(self) -> str:
        """Return what the result is about, unique within a run: the table where the job is that of its layer."""
        return _name(self.job, self.table, self.step)

    @property
    def is_published(self) -> bool:
        """Return whether the batch passed its gate."""
        return self.outcome in ("passed", "warned")

    @property
    def is_stopped(self) -> bool:
        """Return whether the gate stopped the batch."""
        return self.outcome in ("failed", "broken")

    @property
    def is_batch(self) -> bool:
        """Return whether the result is about new data of a table, as opposed to maintenance or an export."""
        return self.table is not None and self.job in LAYERS

    def failures(self) -> list[Check]:
        """Return the checks that stop the batch."""
        return [check for check in self.checks if check.stops]


def worst_outcome(checks: Iterable[Check]) -> Outcome:
    """Return the outcome of a batch: broken > failed > warned > passed."""
    found = list(checks)
    if any(check.broken for check in found):
        return "broken"
    if any(check.stops for check in found):
        return "failed"
    return "passed" if all(check.success or check.severity == "info" for check in found) else "warned"


def result_of_step(results: Iterable[JobResult], step: str) -> JobResult:
    """Return the result of one step. Raises JobError when there is none."""
    found = next((result for result in results if result.step == step), None)
    if found is None:
        raise JobError(f"the job left no result of its step {step}. See its log.")
    return found


def files_set_aside(results: Iterable[JobResult]) -> tuple[FileNote, ...]:
    """Return the files that are set aside: every result of the bronze job names all of them."""
    return next((result.set_aside for result in results if result.set_aside), ())


def files_held(results: Iterable[JobResult]) -> tuple[HeldFile, ...]:
    """Return the files that the quarantine gate holds."""
    return next((result.held for result in results if result.held), ())


def accounts_of(results: Iterable[JobResult]) -> tuple[RecordAccount, ...]:
    """Return where the records of each file of a run have gone."""
    return next((result.accounts for result in results if result.accounts), ())


def total(accounts: Iterable[RecordAccount]) -> RecordAccount:
    """Return the account of several files together."""
    found = list(accounts)
    kinds = {kind: sum(account.kinds[kind] for account in found) for kind in ACCOUNT_KINDS}
    return RecordAccount("all files", 0, sum(account.received for account in found), **kinds)


@dataclass(frozen=True)
class Failure:
    """The error with which a job ended, as it crosses the process border."""

    code: str
    message: str


class Results:
    """The results of one lake, in `<lake>/_runs/<run_id>/<name>.json`; errors of jobs in `<lake>/_failures`."""

    def __init__(self, lake: Folder) -> None:
        self.folder = lake / "_runs"
        self._failures = Documents(lake / "_failures", Failure)

    def write(self, result: JobResult) -> None:
        """Write or replace the result. Raises LakeError."""
        self._run(result.run_id).write(result.name, result)

    def for_job(self, run_id: str, job: str) -> list[JobResult]:
        """Return the results of one job in the order of its work. Raises JobError when it left none."""
        found = [result for result in self.for_run(run_id) if result.job == job]
        if not found:
            raise JobError(f"the {job} job left no result in {self.folder.uri(run_id)}: it ended early. See its log.")
        return found

    def for_run(self, run_id: str) -> list[JobResult]:
        """Return every result of one run, in the order of the work."""
        run = self._run(run_id)
        return sorted((run.read(name) for name in run.names()), key=lambda result: result.started_at)

    def run_ids(self) -> list[str]:
        """Return the runs from the oldest to the newest (ids sort by time)."""
        return self.folder.names()

    def history(self, table: str) -> Iterator[JobResult]:
        """Yield the results of one table's batches that had new data, newest first."""
        for run_id in reversed(self.run_ids()):
            run = self._run(run_id)
            if run.exists(table):
                result = run.read(table)
                if result.outcome != "unchanged":
                    yield result

    def write_failure(self, run_id: str, job: str, error: ChurnError) -> None:
        """Record the error with which a job ends. Raises LakeError."""
        self._failures.write(f"{run_id}/{job}", Failure(error.code, str(error)))

    def clear_failure(self, run_id: str, job: str) -> None:
        """Forget the error of an earlier attempt."""
        self._failures.delete(f"{run_id}/{job}")

    def failure(self, run_id: str, job: str) -> ChurnError | None:
        """Return the error with which a job ended, None where it recorded none."""
        name = f"{run_id}/{job}"
        if not self._failures.exists(name):
            return None
        recorded = self._failures.read(name)
        return error_from_code(recorded.code, recorded.message)

    def _run(self, run_id: str) -> Documents[JobResult]:
        return Documents(self.folder / run_id, JobResult, _from_first_release)


def _name(job: str, table: str | None, step: str) -> str:
    parts = (job, (table or "").removeprefix(f"{job}."), step)
    return ".".join(part for part in parts if part)


def _from_first_release(content: dict[str, Any]) -> dict[str, Any]:
    """Turn a result of release 0.1.0, which had neither job nor step and one dictionary of metrics, into today's."""
    if "job" in content:
        return content
    name, metrics = content["table"], content["metrics"]
    first, _, rest = name.partition(".")
    if first in LAYERS:
        about = {"job": first, "table": name if rest else None}
    elif first == "maintenance":
        about = {"job": first, "table": rest}
    else:
        about = {"job": first, "table": None, "step": rest or (WAREHOUSE_STEP if first == "export" else "")}
    statistics = {
        "rows": metrics.get("batch_rows"),
        "files": metrics.get("files"),
        "null_rates": _family(metrics, "null_rate."),
        "kpis": _family(metrics, "kpi."),
    }
    return {**content, **about, "statistics": statistics, "quarantined_examples": content["rejects"]}


def _family(metrics: dict[str, float], prefix: str) -> dict[str, float]:
    return {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}
