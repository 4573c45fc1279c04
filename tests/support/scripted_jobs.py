"""A job runner that does no work: for tests of what flows make of results."""

import uuid
from collections.abc import Callable

from blocks.glue import LocalGlueJob, LocalGlueRun
from lake.results import JobResult

Arguments = dict[str, str]
Script = Callable[[Arguments], list[JobResult]]

# By a key among the arguments: Prefect hands tasks a copy of the block.
_SCRIPTS: dict[str, Script] = {}
_CALLS: dict[str, list[Arguments]] = {}


class ScriptedRun(LocalGlueRun):
    def wait_for_completion(self):
        _CALLS[self._job.arguments["script"]].append(self._given)

    def fetch_result(self):
        return _SCRIPTS[self._job.arguments["script"]](self._given)

    @property
    def _given(self):
        return {name: value for name, value in self._job.arguments.items() if name != "script"}


class ScriptedJob(LocalGlueJob):
    """Its results come from a function of a run's arguments, which are kept."""

    def trigger(self):
        return ScriptedRun(self)

    def calls(self) -> list[Arguments]:
        return _CALLS[self.arguments["script"]]


def scripted(script: Script) -> ScriptedJob:
    key = uuid.uuid4().hex
    _SCRIPTS[key], _CALLS[key] = script, []
    return ScriptedJob(arguments={"script": key})


def result(arguments: Arguments, table: str | None = None, outcome: str = "passed", **facts) -> JobResult:
    """A result of the job that the arguments name."""
    started_at = "2026-01-01T00:00:00+00:00"
    return JobResult(arguments["job"], table, arguments["run_id"], started_at, outcome, **facts)
