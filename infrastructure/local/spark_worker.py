"""A process that keeps one Spark session warm and runs `jobs.main` for one caller.

It reads a JSON list of arguments per line from its standard input and answers each with one JSON line, preceded by
lines of what the script logs. It ends when its input does, which is also when its caller dies; and without an answer
when its JVM has died, so that the caller starts another.
"""

import importlib
import json
import logging
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, TextIO

from contract.errors import ChurnError, JobError
from contract.log import LOGGER
from infrastructure.local.spark import JVM_DIED
from jobs.session import get_session


def serve(requests: TextIO, responses: TextIO) -> None:
    """Answer requests until there are no more."""
    # What every job needs loads in another thread while the JVM starts: see `main`.
    run = importlib.import_module("jobs.main").main
    LOGGER.setLevel(logging.INFO)
    LOGGER.addHandler(_LogForwarder(responses))
    for line in requests:
        response = _respond(run, json.loads(line))
        if not _jvm_is_alive():
            os._exit(JVM_DIED)  # what would end in order needs the JVM
        responses.write(json.dumps(response) + "\n")
        responses.flush()


def _jvm_is_alive() -> bool:
    gateway: Any = importlib.import_module("pyspark").SparkContext._gateway  # noqa: SLF001 (the only handle on the JVM's process)
    return gateway is None or gateway.proc.poll() is None


class _LogForwarder(logging.Handler):
    """Sends what the script logs to the caller, which is Prefect's task."""

    def __init__(self, responses: TextIO) -> None:
        super().__init__()
        self._responses = responses

    def emit(self, record: logging.LogRecord) -> None:
        """Write the message as a line of its own."""
        self._responses.write(json.dumps({"log": record.getMessage()}) + "\n")
        self._responses.flush()


def _respond(run: Any, arguments: list[str]) -> dict[str, str]:
    try:
        run(arguments)
    except ChurnError as error:
        return {"state": "FAILED", "code": error.code, "message": str(error)}
    except Exception as error:  # noqa: BLE001 (a job's failure must not end the worker)
        traceback.print_exc()
        return {"state": "FAILED", "code": JobError.code, "message": _first_line(error)}
    return {"state": "SUCCEEDED"}


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    root = [line for line in text.splitlines() if "No space left on device" in line or line.startswith("Caused by")]
    lines = text.splitlines() or [""]
    return f"{type(error).__name__}: {(root or lines)[0].strip()}"


def _warm_up() -> None:
    """Load what every job needs while the JVM starts in its own process."""
    pandas = importlib.import_module("pandas")
    importlib.import_module("jobs.audit")
    check_rows = importlib.import_module("expectations.checkpoint").check_rows
    rows_suite = importlib.import_module("expectations.suites").rows_suite
    # The first validation of a process takes a second longer than the next.
    check_rows(pandas.DataFrame({"kpi": [], "value": []}), rows_suite("gold.churn_kpis"))


def _end(recording: str, archive: str) -> None:
    """Stop Spark; a JVM that recorded its classes writes the archive as it leaves."""
    context: Any = importlib.import_module("pyspark").SparkContext
    gateway = context._gateway  # noqa: SLF001 (the only handle on the JVM's process)
    if gateway is None:
        return
    if context._active_spark_context:  # noqa: SLF001
        context._active_spark_context.stop()  # noqa: SLF001
    gateway.proc.stdin.close()
    gateway.proc.wait()
    if recording and Path(recording).exists():
        Path(recording).replace(archive)


def main() -> None:
    """Serve standard input. Arguments: the archive being recorded (may be empty), and where it goes."""
    recording, archive = sys.argv[1:3]
    responses = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what Spark prints is for the log
    imports = threading.Thread(target=_warm_up)
    imports.start()
    get_session()
    imports.join()
    try:
        serve(sys.stdin, responses)
    finally:
        _end(recording, archive)


if __name__ == "__main__":
    main()
