"""Tests that are interrupted leave nothing running, not even what has a session of its own."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.support.installed import PROJECT
from tests.support.waiting import wait_for

CONFTEST = """
from tests.support.leftovers import mark_descendants, stop_descendants

def pytest_configure(config):
    mark_descendants()

def pytest_unconfigure(config):
    stop_descendants()
"""
TEST = """
import pathlib, subprocess, sys, time

def test_waits():
    server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
    pathlib.Path("pid").write_text(str(server.pid))
    time.sleep(300)
"""


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGTERM, signal.SIGTERM]])
def test_interrupted_tests_leave_nothing(tmp_path, signals):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]")
    running = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        number = wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        server = psutil.Process(int(number))
        for sent in signals:
            running.send_signal(sent)
        running.wait(timeout=30)
        assert running.returncode == 2
        wait_for(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, seconds=5)
    finally:
        running.kill()
