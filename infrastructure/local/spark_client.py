"""The caller's side of `infrastructure.local.spark_worker`."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contract.errors import JobError
from contract.log import LOGGER
from infrastructure.local.paths import PACKAGES, log_file
from infrastructure.local.spark import JVM_DIED, prepare


class SparkWorker:
    """One worker process. `fast_start` prefers a quick start to peak speed, `s3` gives access to s3:// places."""

    def __init__(self, *, fast_start: bool, s3: bool) -> None:
        launch = prepare(fast_start=fast_start, s3=s3)
        launch.archive.parent.mkdir(parents=True, exist_ok=True)
        self.log = log_file("spark")
        arguments = [str(launch.recording or ""), str(launch.archive)]
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "infrastructure.local.spark_worker", *arguments],
                cwd=self.log.parent,
                env=os.environ | launch.environment | {"PYTHONPATH": str(PACKAGES), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Return whether the process runs."""
        return self._process.poll() is None

    def run(self, arguments: Sequence[str]) -> dict[str, Any]:
        """Run one job to its end and return the worker's response. Raises JobError when the worker dies on the way."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(list(arguments)) + "\n")
            self._process.stdin.flush()
            response = self._response()
        except BrokenPipeError:
            response = ""
        if not response:
            code = self._process.wait()
            died = " (its Java process has died, which happens where memory is short)" if code == JVM_DIED else ""
            cause = _known_cause(self.log, self._log_start) or died
            message = f"Spark ended with code {code} before the job was done{cause}. Its log: {self.log}"
            LOGGER.warning("%s", message)  # who waits for the job tries again, and the reason would not be seen
            raise JobError(message)
        return dict(json.loads(response))

    def _response(self) -> str:
        """The line that ends a job; what the script logs before goes to the log."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line).get("log")
            if message is None:
                return line
            LOGGER.info("%s", message)
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
    "unresolved dependency": "Delta's jars could not be fetched: check the network and the certificate of its proxy",
    "There is insufficient memory": "there is too little memory: close other programs",
    "No space left on device": "the disk is full: free some space",
}


def _known_cause(log: Path, start: int) -> str:
    """The cause of death that the log names from byte `start` on, empty for an unknown one."""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode(errors="replace")
    return next((f" ({cause})" for sign, cause in _CAUSES.items() if sign in text), "")


_workers: dict[tuple[bool, bool], SparkWorker] = {}


def warm_worker(*, fast_start: bool, s3: bool = False) -> SparkWorker:
    """Return the process's worker of that kind, started now if there is none."""
    worker = _workers.get((fast_start, s3))
    if worker is None or not worker.is_alive:
        worker = _workers[fast_start, s3] = SparkWorker(fast_start=fast_start, s3=s3)
    return worker


def release_workers() -> None:
    """Release every worker of this process."""
    while _workers:
        _workers.popitem()[1].release()


def kill_workers() -> None:
    """End every worker of this process at once: what they had not committed is lost, and nothing else."""
    while _workers:
        _workers.popitem()[1].kill()
