"""One line more in the contract, and a new column goes from raw files to the warehouse."""

import json
import os
import shutil
import subprocess
import sys
import tarfile

import pytest

from blocks.glue import LocalGlueJob
from blocks.platform import Platform
from infrastructure.local.redshift.account import ensure_password
from lake.exports import Exports
from lake.storage import open_folder
from tasks.warehouse import load_warehouse
from tests.support.installed import PROJECT
from tests.support.records import record, write_jsonl
from tests.upgrade.test_first_release import ARCHIVE

PACKAGES = (
    "blocks", "contract", "expectations", "infrastructure", "jobs", "lake", "scripts", "serving", "tasks", "transforms",
    "tests",
)  # fmt: skip
LINE = (
    '    Column("data_usage_gb", "decimal(8,2)", "services", "Data used in the month", required=False, '
    'aliases=("gigabytes",), bounds=(0, 10_000), unit="GB"),\n'
)
FOLLOWS = '    Column("streaming_movies",'


@pytest.fixture
def grown(tmp_path):
    """A copy of the packages, whose contract has the column."""
    copy = tmp_path / "grown"
    for name in PACKAGES:
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "data"))
    columns = copy / "contract" / "columns.py"
    text = columns.read_text(encoding="utf-8")
    assert text.count(FOLLOWS) == 1
    columns.write_text(text.replace(FOLLOWS, LINE + FOLLOWS), encoding="utf-8")
    return copy


@pytest.fixture
def lake(tmp_path):
    """A lake of the first release, with its raw files."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "flat"


@pytest.mark.nightly
def test_new_column_reaches_the_warehouse(grown, lake, warehouse, warehouse_server, prefect_harness):
    raw = lake / "raw"
    write_jsonl(
        raw / "2026-03-01" / "a.jsonl",
        record("USES-1", Gigabytes="12.50"),
        record("USES-2"),
        record("USES-3", Gigabytes="-1"),
    )
    exports = Exports(open_folder(lake / "lake"))
    exports.write(exports.read(0))  # names its files where the lake is now
    load_warehouse.fn(Platform(lake=str(lake / "lake"), jobs=LocalGlueJob(), warehouse=warehouse), 0)
    login = warehouse.model_dump(include={"host", "port", "database", "user", "iam_role", "ssl"})
    login["password"] = ensure_password(warehouse_server.folder)
    done = subprocess.run(
        [sys.executable, "-m", "tests.upgrade.grown_contract", str(lake / "lake"), str(raw)],
        cwd=grown,
        env=os.environ | {"PYTHONPATH": str(grown)},
        input=json.dumps(login),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    facts = json.loads(done.stdout.splitlines()[-1])
    assert facts["warehouse"] == [["USES-1", "12.50"]]
    assert facts["filled"][0] > 80, "customers of before are still there"
    assert facts["filled"][1] == 1
    assert facts["incremental"]
    (example,) = facts["quarantined"]
    assert example.endswith(" in 2026-03-01/a.jsonl: data_usage_gb: '-9' is not an amount from 0 to 10,000")
    assert facts["dictionary"] == [
        "| data_usage_gb | string | data_usage_gb as received |",
        "| data_usage_gb | string | data_usage_gb as received |",
        "| data_usage_gb | decimal(8,2) | Data used in the month, GB |",
        "| _data_usage_gb_at | timestamp | Event time of the data_usage_gb values, UTC |",
        "| data_usage_gb | decimal(8,2) | Data used in the month, GB | data_usage_gb |",
    ]
    assert facts["workbook"]
