"""Ended right after any write and started again: as if it had never been ended.

A second day is brought through four jobs. For every write that they make, the job is ended there and run again; the lake
must then be what it is after an undisturbed job.
"""

import shutil

import pytest

from contract.feeds import GROUP
from jobs.delta import Lake
from lake.alerts import Alerts
from lake.dashboard_data import Dashboards
from lake.exports import Exports
from lake.manifests import Manifests
from lake.results import Results
from tests.support.pipeline import PipelineHarness
from tests.support.records import GOOD, many, record, write_jsonl

JOBS = ("bronze", "silver", "gold", "export")
WRITES = {
    "bronze": (
        "open batch", "bronze.billing", "result bronze.billing", "bronze.customers", "result bronze.customers",
        "commit batch",
    ),
    "silver": (
        "silver.customer_history", "result silver.customer_history", "silver.quarantine", "result silver.quarantine",
        "silver.customers", "result silver.customers",
    ),
    "gold": (
        "gold.customer_churn_analysis", "result gold.customer_churn_analysis", "gold.churn_breakdown",
        "result gold.churn_breakdown", "gold.churn_kpis", "result gold.churn_kpis", "gold.customer_movements",
        "result gold.customer_movements", "alert",
    ),
    "export": ("dashboard", "result export.dashboard", "export", "result export.warehouse"),
}  # fmt: skip
COMPARED = {
    "bronze": ("bronze.billing", "bronze.customers"),
    "silver": ("silver.customers", "silver.customer_history", "silver.quarantine"),
    "gold": ("gold.customer_churn_analysis", "gold.churn_breakdown", "gold.customer_movements"),
    "export": (),
}


class Ended(BaseException):
    """The process is gone: nothing catches it."""


def _name_table(_, table, *__, **___):
    return table.name


NAMES = {
    (Lake, "append"): _name_table,
    (Lake, "overwrite"): _name_table,
    (Lake, "merge"): _name_table,
    (Manifests, "open"): lambda *_, **__: "open batch",
    (Manifests, "commit"): lambda *_, **__: "commit batch",
    (Results, "write"): lambda _, result: f"result {result.name}",
    (Alerts, "write"): lambda *_: "alert",
    (Dashboards, "write"): lambda *_: "dashboard",
    (Exports, "write"): lambda *_: "export",
}


class Recorder(list):
    """The names of all writes, as they are made; `last` is the one after which the process ends."""

    last = None

    def watch(self, original, name):
        def call(*args, **kwargs):
            returned = original(*args, **kwargs)
            self.append(name(*args, **kwargs))
            if self[-1] == self.last:
                raise Ended
            return returned

        return call


@pytest.fixture(scope="module")
def writes():
    made = Recorder()
    with pytest.MonkeyPatch.context() as patched:
        for (owner, method), name in NAMES.items():
            patched.setattr(owner, method, made.watch(getattr(owner, method), name))
        yield made


@pytest.fixture(scope="module")
def stages(spark, writes, tmp_path_factory):
    """A folder with the lake as it is before and after each job of the second day, the raw files, and the writes."""
    folder = tmp_path_factory.mktemp("stages")
    day = PipelineHarness(folder / "lake")
    write_jsonl(folder / "raw" / "customers" / "2026-01-01" / "a.jsonl", *many(30))
    day.load(folder / "raw")
    day.job("export")
    # Something of every feed changes, and something of every feed is quarantined, so that every table is written.
    left = [record(f"G{n:04d}", churn="Yes", tenure_months="5") for n in range(3)]
    write_jsonl(folder / "raw" / "customers" / "2026-01-02" / "a.jsonl", *left, record("new"), record("X", churn="?"))
    billing = {name: GOOD[name] for name in ("customer_id", *GROUP["billing"].columns)}
    changed = [billing | {"customer_id": f"G{n:04d}", "monthly_charges": "77.00"} for n in range(10, 14)]
    write_jsonl(folder / "raw" / "billing" / "2026-01-02" / "b.jsonl", *changed, billing | {"tenure_months": "abc"})
    for job in JOBS:
        shutil.copytree(folder / "lake", folder / f"before-{job}")
        writes.clear()
        _run(day, job, folder)
        (folder / f"{job}.writes").write_text("\n".join(writes))
        shutil.copytree(folder / "lake", folder / f"after-{job}")
    return folder


def _run(pipeline, job, folder):
    return pipeline.job(job, run_id="day-two", raw=str(folder / "raw"), max_quarantined_share="1")


def _content(pipeline, job):
    """What the job has made, without what depends on when and by which run."""
    tables = {table: pipeline.rows(table) for table in COMPARED[job]}
    if job == "bronze":
        register = Manifests(pipeline.folder).register()
        files = [row["_source_file"] for row in pipeline.records("bronze.billing")]
        return tables, sorted(entry.path for entry in register), sorted(files)
    if job == "gold":
        return tables, sorted(pipeline.kpis().items()), list(Alerts(pipeline.folder).open())
    if job == "export":
        exports, data = Exports(pipeline.folder), Dashboards(pipeline.folder).read()
        export = exports.read(1)
        rows = pipeline.parquet(exports.data(1))
        return (export.is_full, export.base_version, export.rows, export.table_rows), rows, data.version, data.customers
    return tables


@pytest.fixture(scope="module")
def expected(stages):
    return {job: _content(PipelineHarness(stages / f"after-{job}"), job) for job in JOBS}


def test_writes_are_the_named_ones(stages):
    made = {job: tuple((stages / f"{job}.writes").read_text().splitlines()) for job in JOBS}
    assert made == WRITES


def _end_after(pipeline, stages, writes, job, write):
    writes.last = write
    with pytest.raises(Ended):
        _run(pipeline, job, stages)
    writes.last = None


@pytest.mark.parametrize("write", WRITES["bronze"])
def test_bronze_ended_after_write(stages, expected, tmp_path, writes, write):
    shutil.copytree(stages / "before-bronze", tmp_path / "lake")
    pipeline = PipelineHarness(tmp_path / "lake")
    _end_after(pipeline, stages, writes, "bronze", write)
    _run(pipeline, "bronze", stages)
    assert _content(pipeline, "bronze") == expected["bronze"]


@pytest.mark.parametrize(
    ("job", "ends"),
    [
        ("silver", WRITES["silver"]),
        ("gold", WRITES["gold"][:-1]),
        ("gold", ("alert",)),  # a later attempt would write it before the result of the movements
        ("export", WRITES["export"]),
    ],
)
def test_job_ended_after_each_write_in_turn(stages, expected, tmp_path, writes, job, ends):
    """Each attempt gets one write further than the one before it."""
    shutil.copytree(stages / f"before-{job}", tmp_path / "lake")
    pipeline = PipelineHarness(tmp_path / "lake")
    for write in ends:
        _end_after(pipeline, stages, writes, job, write)
    _run(pipeline, job, stages)
    assert _content(pipeline, job) == expected[job]


def test_next_run_repairs_an_ended_batch(stages, expected, tmp_path, writes):
    """The next run has another id; it keeps the feed that was committed and ingests the others."""
    shutil.copytree(stages / "before-bronze", tmp_path / "lake")
    pipeline = PipelineHarness(tmp_path / "lake")
    _end_after(pipeline, stages, writes, "bronze", "bronze.billing")
    pipeline.job("bronze", raw=str(stages / "raw"), max_quarantined_share="1")
    assert _content(pipeline, "bronze") == expected["bronze"]
