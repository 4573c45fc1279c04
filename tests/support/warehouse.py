"""A Redshift stand-in in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
from pydantic import SecretStr

from blocks.redshift import RedshiftWarehouse
from infrastructure.local.paths import PACKAGES
from infrastructure.local.redshift.account import DATABASE, USER, ensure_password
from infrastructure.local.services import accepts_connections, free_port
from serving.warehouse.statements import execute
from tests.support.waiting import wait_for


class WarehouseServer:
    """The stand-in on a folder; it may be killed and started again on the same data."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder, self.environment, self.port = folder, dict(environment or {}), free_port()
        ensure_password(folder)
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "infrastructure.local.redshift.server"]
        command += ["--folder", str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=PACKAGES, env=os.environ | self.environment)
        wait_for(lambda: self.process.poll() is not None or accepts_connections(self.port))
        assert self.process.poll() is None, "the stand-in did not start"

    def kill(self) -> None:
        """As if the machine lost power: the proxy and PostgreSQL die at once."""
        for process in [self.process, *psutil.Process(self.process.pid).children(recursive=True)]:
            process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)

    def emptied(self) -> RedshiftWarehouse:
        """The warehouse as a block, without tables and views."""
        block = RedshiftWarehouse(
            host="127.0.0.1",
            port=self.port,
            database=DATABASE,
            user=USER,
            password=SecretStr(ensure_password(self.folder)),
            iam_role="arn:aws:iam::000000000000:role/test",
            ssl=False,
        )
        empty(block)
        return block


def empty(warehouse: RedshiftWarehouse) -> None:
    """Drop our tables and views."""
    with warehouse.connection() as connection:
        for view in ("customer_churn_dashboard", "customer_churn_kpis"):
            execute(connection, f"DROP VIEW IF EXISTS {view}")
        for table in ("customer_churn_analysis", "load_audit"):
            execute(connection, f"DROP TABLE IF EXISTS {table}")
        connection.commit()
