"""A laptop of its own for tests: a state folder, ports, and the command as its user types it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import services

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


class Laptop:
    """A folder that the commands work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake = folder / "state" / "lake"
        self.environment = os.environ | {
            "CHURN_HOME": str(folder / "state"),
            "CHURN_PREFECT_PORT": str(services._any_free_port()),
            "CHURN_WAREHOUSE_PORT": str(services._any_free_port()),
            "CHURN_WORKER_PORT": str(services._any_free_port()),
            "PYTHONPATH": str(PROJECT),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def churn(self, *arguments: str, **environment: str) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)
