"""Killed anywhere and started again: as if it had never been killed."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.sample.generator import generate
from tests.roads import Road

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def undisturbed(spark, tmp_path_factory):
    """Day one loaded, day two waiting; and the state after both."""
    folder = tmp_path_factory.mktemp("undisturbed")
    generate(400, 2, folder / "all", seed=5, faults=1)
    first = folder / "raw"
    for feed in ("demographics", "services", "billing"):
        shutil.copytree(folder / "all" / feed / "2026-01-01", first / feed / "2026-01-01")
    road = Road(folder / "lake")
    road.load(first)
    shutil.copytree(folder / "lake", folder / "day-one")
    road.load(folder / "all")
    return folder, road.state()


# Writes of a second day: 1 manifest opened, 2-7 bronze tables and results, 8 manifest
# committed, 9-12 silver's quarantine and customers, 13-18 gold's three tables, 19 export.
@pytest.mark.parametrize(
    ("deadly", "moment"),
    [(4, "after"), (9, "after"), (13, "after"), (19, "before")],
)
def test_sigkill_at_a_step_and_again(undisturbed, tmp_path, deadly, moment):
    folder, expected = undisturbed
    lake = tmp_path / "lake"
    shutil.copytree(folder / "day-one", lake)
    command = [sys.executable, "-m", "tests.spark.crash", str(lake), str(folder / "all"), str(deadly), moment]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr[-2000:]
    road = Road(lake)
    road.load(folder / "all")
    assert road.state() == expected
    received = [(r["_source_checksum"], r["_rescued_data"], r["customer_id"]) for r in road.records("bronze.billing")]
    assert len(received) == len(set(received)) + _repeated(folder)


def _repeated(folder: Path) -> int:
    """Rows of bronze.billing that an undisturbed run has more than once, too."""
    rows = [
        (r["_source_checksum"], r["_rescued_data"], r["customer_id"])
        for r in Road(folder / "lake").records("bronze.billing")
    ]
    return len(rows) - len(set(rows))
