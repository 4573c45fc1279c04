"""`churn run`: start what the road needs side by side, run it, show what it did."""

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cli.lock import exclusive
from cli.terminal import console
from local.home import lake_folder, state_folder
from local.services import HOST, PREFECT, WAREHOUSE, prefect_environment, start, wait_until_ready
from local.spark_client import release_workers, warm_worker
from transforms.errors import ChurnError, RawPathError
from transforms.runtime.storage import open_folder

if TYPE_CHECKING:
    from blocks.platform import Platform
    from flows.churn_pipeline import PipelineResult

_QUICK_START_BYTES = 64 * 1024 * 1024


def run_road(raw: Path, lake: Path | None, *, full_refresh: bool, max_quarantined_share: float, as_json: bool) -> None:
    """Run the pipeline on this machine. Raises ChurnError with what to do about it."""
    began = time.monotonic()
    if not raw.exists():
        raise RawPathError(f"{raw} does not exist. Give --raw a folder or a file, or make data with: churn generate")
    root = (lake or lake_folder()).resolve()
    for folder in (state_folder(), root):
        open_folder(folder).check_writable()
    with exclusive(root):
        small = _bytes(raw) + _bytes(root) < _QUICK_START_BYTES
        # Four slow starts, side by side: Prefect's server, PostgreSQL, the JVM, our own imports.
        port = start(PREFECT)
        start(WAREHOUSE)
        try:
            warm_worker(small=small)
            os.environ.update(prefect_environment(port))
            platform, result = _run_flow(raw.resolve(), root, small, full_refresh, max_quarantined_share)
        finally:
            release_workers()
    _show(result, platform, f"http://{HOST}:{port}", time.monotonic() - began, as_json=as_json)


def run_on_platform(
    name: str, raw: str | None, *, full_refresh: bool, max_quarantined_share: float, as_json: bool
) -> None:
    """Run the pipeline on a saved platform: this process orchestrates, the platform works. Raises ChurnError."""
    from cli.cloud import load_platform, use_prefect

    began = time.monotonic()
    _log_to_terminal()
    prefect = use_prefect()
    platform = load_platform(name)
    place = raw or platform.raw
    if not place:
        raise RawPathError(f"the platform {name} names no place of raw files. Give --raw s3://bucket/prefix")
    from flows.churn_pipeline import churn_pipeline

    result = churn_pipeline(platform, place, full_refresh, max_quarantined_share)
    _show(result, platform, prefect, time.monotonic() - began, as_json=as_json)


def _run_flow(
    raw: Path, root: Path, small: bool, full_refresh: bool, share: float
) -> "tuple[Platform, PipelineResult]":
    _log_to_terminal()
    from blocks.platform import Platform
    from flows.churn_pipeline import churn_pipeline

    wait_until_ready(PREFECT)
    wait_until_ready(WAREHOUSE)
    platform = Platform.local(root, small=small)
    try:
        result: PipelineResult = churn_pipeline(platform, str(raw), full_refresh, share)
    except ChurnError:
        raise
    except KeyboardInterrupt as error:
        raise ChurnError("interrupted; run it again, it goes on where it stopped") from error
    return platform, result


def _log_to_terminal() -> None:
    """Progress goes to standard error: standard output is for results."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("churn")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    # Prefect's own console lines would say everything twice.
    os.environ["PREFECT_LOGGING_LEVEL"] = "ERROR"
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"


def _bytes(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _show(result: "PipelineResult", platform: "Platform", prefect: str, seconds: float, *, as_json: bool) -> None:
    from cli.summary import as_dict, print_summary

    if as_json:
        print(json.dumps(as_dict(result, platform, prefect, seconds), indent=2))
    else:
        print_summary(console(), result, platform, prefect, seconds)
