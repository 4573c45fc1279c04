"""One writer per lake: between processes, after errors, after a process that was killed."""

import subprocess
import sys

import pytest

from contract.errors import LakeError
from infrastructure.local.paths import PACKAGES
from lake.storage import open_folder
from lake.write_lock import write_lock

HOLD = """
import sys
from lake.storage import open_folder
from lake.write_lock import write_lock
with write_lock(open_folder(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
TRY = """
import sys
from contract.errors import LakeError
from lake.storage import open_folder
from lake.write_lock import write_lock
try:
    with write_lock(open_folder(sys.argv[1]), wait_seconds=float(sys.argv[2])):
        print("got it")
except LakeError as error:
    print(error)
"""


@pytest.fixture
def lake(tmp_path):
    return open_folder(tmp_path / "lake")


@pytest.fixture
def holder(lake):
    """Another process that holds the lock of the lake."""
    command = [sys.executable, "-c", HOLD, lake.uri()]
    process = subprocess.Popen(command, cwd=PACKAGES, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def _try(lake, wait_seconds=0):
    command = [sys.executable, "-c", TRY, lake.uri(), str(wait_seconds)]
    return subprocess.run(command, cwd=PACKAGES, capture_output=True, text=True, check=True).stdout


def test_lock_keeps_another_process_out(lake):
    with write_lock(lake):
        assert "another run is working on" in _try(lake)
    assert _try(lake) == "got it\n"


def test_message_names_lake_and_remedy(lake, holder):
    with pytest.raises(LakeError, match="use another --lake") as error, write_lock(lake):
        pass
    assert lake.uri() in str(error.value)


def test_killed_holder_frees_its_lock(lake, holder):
    holder.kill()
    holder.wait()
    with write_lock(lake):
        assert "another run" in _try(lake)


def test_holder_that_ends_is_waited_for(lake, holder):
    holder.stdin.close()
    with write_lock(lake, wait_seconds=20):
        assert "another run" in _try(lake)


def test_error_inside_frees_the_lock(lake):
    with pytest.raises(ZeroDivisionError), write_lock(lake):
        raise ZeroDivisionError
    assert _try(lake) == "got it\n"


def test_lakes_lock_independently(lake, tmp_path, holder):
    with write_lock(open_folder(tmp_path / "other")):
        assert holder.poll() is None


def test_lock_file_is_no_data(lake):
    with write_lock(lake):
        assert [file.name for file in lake.files()] == ["_control/run.lock"]
        assert lake.read_bytes("_control/run.lock") == b""
    assert lake.exists("_control/run.lock")


def test_two_names_are_one_lake(lake, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "lake")
    with (
        write_lock(lake),
        pytest.raises(LakeError, match="another run"),
        write_lock(open_folder(tmp_path / "link")),
    ):
        pass
