"""A process that keeps one Spark session warm and runs `glue_main` for one caller.

It reads a JSON list of arguments per line from its standard input and answers each
with one JSON line, before which come lines of what the script logs. It ends when its input does, which is also when its caller dies.
"""

import contextlib
import json
import logging
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, TextIO


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer requests until there are no more."""
    from transforms.glue_main import main

    logger = logging.getLogger("churn")
    logger.setLevel(logging.INFO)
    logger.addHandler(_LogAnswers(answers))
    for line in requests:
        answers.write(json.dumps(_answer(main, json.loads(line))) + "\n")
        answers.flush()


class _LogAnswers(logging.Handler):
    """What the script says goes to the caller, who is Prefect's task."""

    def __init__(self, answers: TextIO) -> None:
        super().__init__()
        self._answers = answers

    def emit(self, record: logging.LogRecord) -> None:
        self._answers.write(json.dumps({"log": record.getMessage()}) + "\n")
        self._answers.flush()


def _answer(main: Any, arguments: list[str]) -> dict[str, str]:
    from transforms.errors import ChurnError

    try:
        main(arguments)
    except ChurnError as error:
        return {"state": "FAILED", "kind": type(error).__name__, "message": str(error)}
    except Exception as error:  # noqa: BLE001 (a job's failure must not end the worker)
        traceback.print_exc()
        return {"state": "FAILED", "kind": "JobError", "message": _first_line(error)}
    return {"state": "SUCCEEDED"}


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    root = [line for line in text.splitlines() if "No space left on device" in line or line.startswith("Caused by")]
    lines = text.splitlines() or [""]
    return f"{type(error).__name__}: {(root or lines)[0].strip()}"


def _warm_up() -> None:
    """Load what every job needs while the JVM starts in its own process."""
    with contextlib.suppress(ImportError):
        import pandas as pd

        import transforms.jobs.audit  # noqa: F401
        from expectations.checkpoint import check_rows
        from expectations.suites import rows_suite

        # The first validation of a process takes a second longer than the next.
        check_rows(pd.DataFrame({"kpi": [], "value": []}), rows_suite("gold.churn_kpis", 0))


def _end(recording: str, archive: str) -> None:
    """Stop Spark; a JVM that recorded its classes writes the archive as it leaves."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway  # noqa: SLF001 (the only handle on the JVM's process)
    if gateway is None:
        return
    if SparkContext._active_spark_context:  # noqa: SLF001
        SparkContext._active_spark_context.stop()  # noqa: SLF001
    gateway.proc.stdin.close()
    gateway.proc.wait()
    if recording and Path(recording).exists():
        Path(recording).replace(archive)


def main() -> None:
    """Arguments: the archive being recorded (may be empty), and where it goes."""
    recording, archive = sys.argv[1:3]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what Spark prints is for the log
    imports = threading.Thread(target=_warm_up)
    imports.start()
    from transforms.runtime.session import get_session

    get_session()
    imports.join()
    try:
        serve(sys.stdin, answers)
    finally:
        _end(recording, archive)


if __name__ == "__main__":
    main()
