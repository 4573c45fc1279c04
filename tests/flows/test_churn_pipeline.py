"""The whole road as a Prefect flow, its job runner in this process."""

import pytest

from blocks.glue import LocalGlueJob, LocalGlueRun
from blocks.platform import Platform
from blocks.redshift import run
from tests.roads import Road
from tests.samples import many, record, write_jsonl
from transforms.errors import GateError
from transforms.glue_main import main


class InProcessRun(LocalGlueRun):
    def wait_for_completion(self):
        main([text for name, value in self._job.arguments.items() for text in (f"--{name}", value)])


class InProcessJob(LocalGlueJob):
    """The Glue script on the session of the tests, instead of on one of its own."""

    def trigger(self):
        return InProcessRun(self)


@pytest.fixture
def platform(spark, warehouse, tmp_path, prefect_harness):
    return Platform(lake=str(tmp_path / "lake"), jobs=InProcessJob(), warehouse=warehouse)


def test_raw_file_to_warehouse_and_a_following_day(platform, tmp_path):
    from flows.churn_pipeline import churn_pipeline

    raw = tmp_path / "raw"
    write_jsonl(raw / "2026-01-01" / "a.jsonl", *many(8), record("X", tenure_months="30", churn="Yes"))
    first = churn_pipeline(platform, str(raw))
    assert (first.load.rows_loaded, first.load.table_rows) == (9, 9)
    write_jsonl(raw / "2026-01-02" / "a.jsonl", record("X", tenure_months="31", churn="Yes"), record("Y"))
    second = churn_pipeline(platform, str(raw))
    assert (second.load.rows_loaded, second.load.table_rows) == (2, 10)
    third = churn_pipeline(platform, str(raw))
    assert third.load.rows_loaded == 0
    road = Road(tmp_path / "lake")
    columns = "customer_id, tenure_months, cltv, churn_score, risk_segment"
    with platform.warehouse.connection() as connection:
        loaded = run(connection, f"SELECT {columns} FROM customer_churn_analysis")
    expected = [tuple(r[c] for c in columns.split(", ")) for r in road.records("gold.customer_churn_analysis")]
    assert sorted(loaded) == sorted(expected)
    report = (tmp_path / "lake" / "_reports" / "quality.html").read_text()
    assert "gold.customer_churn_analysis" in report
    assert "http" not in report.replace("http-equiv", "")


def test_a_stopped_batch_fails_the_flow_and_names_the_check(platform, tmp_path):
    from flows.churn_pipeline import churn_pipeline

    write_jsonl(tmp_path / "raw" / "a.jsonl", *many(5), *[record(f"B{i}", churn="Maybe") for i in range(5)])
    with pytest.raises(GateError, match=r"silver\.customers: critical: .*quarantined_share"):
        churn_pipeline(platform, str(tmp_path / "raw"))
    assert not (tmp_path / "lake" / "silver").exists()
