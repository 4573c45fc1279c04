"""`churn run`: run the pipeline, show what it did."""

import json
import sys
import time
from typing import Any

from blocks.platform import Platform
from cli.console import console
from cli.platforms import load_platform, raw_place
from cli.server_watch import ended_with_server
from cli.startup import LocalRun
from cli.summary import as_dict, print_summary
from contract.errors import ChurnError
from flows.churn_pipeline import PipelineResult, churn_pipeline
from infrastructure.local.services import PREFECT, WAREHOUSE, wait_until_ready
from lake.results import files_held, files_set_aside

STRICT_EXIT = 3
"""Exit code of a strict run with files that are held or set aside."""


def run_locally(run: LocalRun, began: float, *, as_json: bool, strict: bool = False, **parameters: Any) -> None:
    """Run the pipeline on this machine with `parameters` of its flow and print what it did. Raises ChurnError."""
    wait_until_ready(PREFECT)
    wait_until_ready(WAREHOUSE)
    platform = Platform.local(run.lake, fast_start=run.fast_start).model_copy(update={"raw": str(run.raw)})
    try:
        with ended_with_server():
            result = churn_pipeline(platform, str(run.raw), **parameters)
    except KeyboardInterrupt as error:
        raise ChurnError("interrupted. Run it again: it resumes where it stopped") from error
    _show(result, platform, run.prefect_url, began, as_json=as_json)
    _exit_if_strict(result, strict=strict)


def run_on_platform(
    name: str,
    raw: str | None,
    prefect_url: str,
    began: float,
    *,
    as_json: bool,
    strict: bool = False,
    **parameters: Any,
) -> None:
    """Run the pipeline on a saved platform: this process orchestrates, the platform works. Raises ChurnError."""
    platform = load_platform(name)
    result = churn_pipeline(platform, raw_place(name, platform, raw), **parameters)
    _show(result, platform, prefect_url, began, as_json=as_json)
    _exit_if_strict(result, strict=strict)


def _exit_if_strict(result: PipelineResult, *, strict: bool) -> None:
    if strict and (files_held(result.results) or files_set_aside(result.results)):
        sys.exit(STRICT_EXIT)


def _show(result: PipelineResult, platform: Platform, prefect_url: str, began: float, *, as_json: bool) -> None:
    seconds = time.monotonic() - began
    if as_json:
        print(json.dumps(as_dict(result, platform, prefect_url, seconds), indent=2))
    else:
        print_summary(console(), result, platform, prefect_url, seconds)
