"""Records of the largest size that is read: what holds several of them at once is bounded by bytes."""

import gzip
import json
import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from contract import defaults
from contract.feeds import FEEDS
from infrastructure.local.paths import PACKAGES
from infrastructure.local.spark import prepare
from tests.spark.frames import by_name, conformed_frame
from tests.support.records import record, write_jsonl

MB = 1024 * 1024
HEAP = 2 * 1024 * MB  # what a run has by default: infrastructure/local/spark.py
CUSTOMERS = FEEDS["customers"]


@pytest.fixture
def row_groups_of_2_mb(spark):
    spark.conf.set("parquet.block.size", str(2 * MB))
    yield
    spark.conf.unset("parquet.block.size")


def test_parquet_measures_large_rows_in_time(pipeline, row_groups_of_2_mb, tmp_path):
    """Behind many small rows too, from which their size cannot be told."""
    small = [record(f"S-{number}") for number in range(300)]
    large = [record(f"L-{number}", note=os.urandom(MB // 2).hex()) for number in range(20)]
    write_jsonl(tmp_path / "raw" / "a.jsonl", *small, *large)
    pipeline.job("bronze", raw=str(tmp_path / "raw"))
    (file,) = pipeline.path.glob("bronze/customers/*.parquet")
    written = pq.ParquetFile(file).metadata
    sizes = [written.row_group(number).total_byte_size for number in range(written.num_row_groups)]
    assert sum(sizes) > 20 * MB
    assert max(sizes) < 12 * MB


def test_rows_that_are_decoded_at_once_fit_into_the_heap(spark):
    rows = int(spark.conf.get("spark.sql.parquet.columnarReaderBatchSize"))
    assert rows * defaults.MAX_RECORD_BYTES <= HEAP / 32


LONG = 70_000


def test_silver_carries_the_beginning_of_a_long_text(spark):
    cases = {
        "valid": {"_rescued_data": "x" * LONG},
        "faulty": {"_rescued_data": "x" * LONG, "gender": "?"},
        "line": {"_parse_error": "not a JSON object", "_rescued_data": "é" * LONG},
        "short": {"_rescued_data": "語" * 60_000, "gender": "?"},
    }
    found = by_name(conformed_frame(spark, CUSTOMERS, cases).collect(), "_source_file")
    assert (found["valid"]["_violations"], found["valid"]["_raw_record"]) == ([], None)
    assert json.loads(found["faulty"]["_raw_record"])["_rescued_data"] == "x" * 65_536 + "… (cut)"
    assert found["line"]["_raw_record"] == "é" * 65_536 + "… (cut)"
    assert json.loads(found["short"]["_raw_record"])["_rescued_data"] == "語" * 60_000


@pytest.mark.parametrize(
    ("column", "beginning"),
    [
        ("tenure_months", "12"),
        ("partner", "Yes"),
        ("contract", "One year"),
        ("city", "Fresno"),
        ("updated_at", "2026-01-01"),
    ],
)
def test_no_cut_text_is_a_value(spark, column, beginning):
    """What follows the beginning may change what it means."""
    found = conformed_frame(spark, CUSTOMERS, {"long": {column: beginning + " " * LONG + "0"}}).collect()
    assert [violation.partition(":")[0] for violation in found[0]["_violations"]] == [column]


def test_cut_key_is_too_long(spark):
    (found,) = conformed_frame(spark, CUSTOMERS, {"long": {"customer_id": "x" * LONG}}).collect()
    assert found["_violations"] == ["customer_id: longer than 64 characters"]


def _packed(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as out:
        out.writelines(json.dumps(row) + "\n" for row in records)


_RUN = """
import sys
from pathlib import Path
from tests.support.pipeline import PipelineHarness

pipeline = PipelineHarness(Path(sys.argv[2]))
print([(name, r.outcome, r.rows_written, r.rows_quarantined) for name, r in pipeline.load(Path(sys.argv[1])).items()])
"""


@pytest.mark.nightly
def test_records_near_the_limit_fit_into_the_heap_of_a_run(tmp_path):
    """In a Spark of its own, with the memory that a run has."""
    notes = ("xyz " * 1_975_000, "zyx " * 1_975_000)
    valid = (record(f"V-{number}", note=notes[number % 2]) for number in range(200))
    faulty = (record(f"F-{number}", note=notes[number % 2], gender="?") for number in range(60))
    _packed(tmp_path / "raw" / "valid.jsonl.gz", (row for rows in ([record("V-first")], valid) for row in rows))
    _packed(tmp_path / "raw" / "faulty.jsonl.gz", (row for rows in ([record("F-first")], faulty) for row in rows))
    write_jsonl(tmp_path / "raw" / "usual.jsonl", *(record(f"U-{number}") for number in range(100)))
    environment = (
        os.environ | prepare(fast_start=True, cores=2, records=False).environment | {"PYTHONPATH": str(PACKAGES)}
    )
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(tmp_path / "raw"), str(tmp_path / "lake")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "('bronze.customers', 'passed', 362, 0)" in done.stdout
    assert "('silver.customers', 'warned', 301, 60)" in done.stdout
