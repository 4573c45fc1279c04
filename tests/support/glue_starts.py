"""AWS Glue as far as the start of a run goes: what was passed to it is recorded, nothing runs."""

from typing import Any


class GlueStarts:
    """A client of Glue that knows no runs; `arguments` and `options` have an entry for each start."""

    def __init__(self) -> None:
        self.arguments: list[dict[str, str]] = []
        self.options: list[dict[str, Any]] = []

    def get_job_runs(self, **_: Any) -> dict[str, Any]:
        return {"JobRuns": []}

    def start_job_run(self, *, JobName: str, Arguments: dict[str, str], **options: Any) -> dict[str, Any]:  # noqa: N803
        self.arguments.append(Arguments)
        self.options.append(options)
        return {"JobRunId": "jr_1"}
