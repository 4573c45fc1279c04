"""The caller's side of `local.spark_worker`."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.home import log_file
from local.spark import prepare
from transforms.errors import JobError

PROJECT = Path(__file__).resolve().parent.parent
_log = logging.getLogger("churn")


class SparkWorker:
    """One worker process. `small` chooses a quick start over peak speed, `s3` reaches s3:// places."""

    def __init__(self, *, small: bool, s3: bool) -> None:
        launch = prepare(small=small, s3=s3)
        launch.archive.parent.mkdir(parents=True, exist_ok=True)
        self.log = log_file("spark")
        arguments = [str(launch.recording or ""), str(launch.archive)]
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.spark_worker", *arguments],
                cwd=self.log.parent,
                env=os.environ | launch.environment | {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def run(self, arguments: Sequence[str]) -> dict[str, Any]:
        """Run one job to its end. JobError when the worker dies on the way."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(list(arguments)) + "\n")
            self._process.stdin.flush()
            answer = self._answer()
        except BrokenPipeError:
            answer = ""
        if not answer:
            code = self._process.wait()
            raise JobError(
                f"Spark ended with code {code} before the job was done{_known_cause(self.log, self._log_start)}. Its log: {self.log}"
            )
        return dict(json.loads(answer))

    def _answer(self) -> str:
        """The line that ends a job; what the script says before goes to the log."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line).get("log")
            if said is None:
                return line
            _log.info("%s", said)
        return ""

    def kill(self) -> None:
        """End the worker at once; what it had not committed is lost, and nothing else."""
        self._process.kill()
        self._process.wait()

    def release(self) -> None:
        """Let the worker end by itself, without waiting for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()


# What the end of Spark's log says, and what it means.
_CAUSES = {
    "unresolved dependency": "Delta's jars could not be fetched: look at the network and its proxy's certificate",
    "There is insufficient memory": "there is too little memory: close other programs",
    "No space left on device": "the disk is full: free some space",
}


def _known_cause(log: Path, start: int) -> str:
    """What the log says from byte `start` on, if it is one of the usual things."""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode(errors="replace")
    return next((f" ({cause})" for sign, cause in _CAUSES.items() if sign in text), "")


_workers: dict[tuple[bool, bool], SparkWorker] = {}


def warm_worker(*, small: bool, s3: bool = False) -> SparkWorker:
    """The process's worker of that kind, started now if there is none."""
    worker = _workers.get((small, s3))
    if worker is None or not worker.is_alive:
        worker = _workers[small, s3] = SparkWorker(small=small, s3=s3)
    return worker


def release_workers() -> None:
    """Let every worker of this process go."""
    while _workers:
        _workers.popitem()[1].release()
