"""The command as its user types it, on a machine of its own: a state folder, ports, the installed wheel."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infrastructure.local.services import free_port

# What would let the checkout shine through, or this process's own Prefect.
_NOT_PASSED_ON = ("PYTHONPATH", "PREFECT_API_URL", "PREFECT_HOME", "VIRTUAL_ENV", "PYSPARK_SUBMIT_ARGS")


@dataclass(frozen=True)
class CommandResult:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


class CommandHarness:
    """A folder that the commands work in; `bin_folder` is that of the environment with the command."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self.folder = folder
        self.lake = folder / "state" / "lake"
        self.command = str(bin_folder / "churn")
        inherited = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        self.environment = inherited | {
            "CHURN_HOME": str(folder / "state"),
            "CHURN_PREFECT_PORT": str(free_port()),
            "CHURN_WAREHOUSE_PORT": str(free_port()),
            "CHURN_WORKER_PORT": str(free_port()),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.command, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def churn(self, *arguments: str, **environment: str) -> CommandResult:
        done = subprocess.run(
            [self.command, *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return CommandResult(done.returncode, done.stdout, done.stderr)
