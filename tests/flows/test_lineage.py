"""Lineage of runs of the pipeline: written and sent at their end, however they end."""

import json

import pytest

from blocks.lineage import Lineage
from blocks.platform import Platform
from contract.errors import GateError, JobError, OutageError
from flows import churn_pipeline as flow_module
from flows.churn_pipeline import churn_pipeline
from lake.results import WAREHOUSE_STEP, Check, Results
from lake.storage import open_folder
from tasks import lineage as task_module
from tests.support.exports import write_export
from tests.support.openlineage import check_event
from tests.support.receivers import EventReceiver
from tests.support.scripted_jobs import result, scripted

FAILED = Check("values are in set", "churn", "critical", False, observed="planted", examples=("planted",))


@pytest.fixture
def receiver():
    running = EventReceiver()
    yield running
    running.stop()


@pytest.fixture
def platform(prefect_harness, warehouse, tmp_path, receiver, monkeypatch):
    """A platform whose jobs write bronze, silver and an export of two customers; nothing is retried."""
    for name in ("run_glue_job", "loaded_version", "load_warehouse"):
        monkeypatch.setattr(flow_module, name, getattr(flow_module, name).with_options(retries=0))
    monkeypatch.setattr(task_module, "send_lineage", task_module.send_lineage.with_options(retries=0))

    def make(**instead):
        def script(arguments):
            return instead.get(arguments["job"], _usual)(arguments)

        made = Platform(
            lake=str(tmp_path / "lake"),
            raw=str(tmp_path / "raw"),
            jobs=scripted(script),
            warehouse=warehouse,
            lineage=Lineage(url=receiver.url, namespace="churn-test"),
        )
        write_export(made.folder(), 0, [("a", "x", 1, "U"), ("b", "x", 1, "U")], table_rows=2)
        return made

    return make


def _usual(arguments):
    tables = {"bronze": "bronze.billing", "silver": "silver.customers", "gold": "gold.churn_kpis"}
    if arguments["job"] == "export":
        unchanged = result(arguments, outcome="unchanged", step="dashboard")
        return [unchanged, result(arguments, step=WAREHOUSE_STEP, version_after=0, rows_written=2)]
    return [result(arguments, tables[arguments["job"]], version_after=1, rows_written=2)]


def _written(lake):
    """The events of each run, oldest first."""
    files = sorted((lake / "_lineage").glob("*.ndjson"))
    return [[json.loads(line) for line in file.read_text().splitlines()] for file in files]


def _states(events):
    return {event["job"]["name"]: event["eventType"] for event in events if event["eventType"] != "START"}


def test_complete_run_is_written_and_sent(platform, receiver, tmp_path):
    done = churn_pipeline(platform())
    (events,) = _written(tmp_path / "lake")
    assert receiver.events == events
    for event in events:
        check_event(event)
    assert (tmp_path / "lake" / "_lineage" / f"{done.run_id}.ndjson").exists()
    assert {event["job"]["namespace"] for event in events} == {"churn-test"}
    assert _states(events) == dict.fromkeys(
        [
            "churn-pipeline.bronze.billing",
            "churn-pipeline.silver.customers",
            "churn-pipeline.gold.churn_kpis",
            "churn-pipeline.export.warehouse",
            "churn-pipeline.warehouse",
            "churn-pipeline",
        ],
        "COMPLETE",
    )
    loaded = events[-2]
    assert loaded["inputs"][0]["name"] == f"{tmp_path}/lake/_exports/customer_churn_analysis"
    assert loaded["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 2


def test_run_without_a_receiver_writes_only(platform, receiver, tmp_path):
    churn_pipeline(platform().model_copy(update={"lineage": None}))
    (events,) = _written(tmp_path / "lake")
    assert events[0]["job"]["namespace"] == "churn"
    assert receiver.events == []


def test_error_of_a_caller_is_none_of_the_run(platform, receiver):
    try:
        raise ValueError
    except ValueError:
        churn_pipeline(platform())
    assert receiver.events[-1]["eventType"] == "COMPLETE"


def test_stopped_batch_fails_its_table_and_the_pipeline(platform, receiver):
    def stopped(arguments):
        return [result(arguments, "silver.customers", "failed", checks=(FAILED,))]

    with pytest.raises(GateError):
        churn_pipeline(platform(silver=stopped))
    assert _states(receiver.events) == {
        "churn-pipeline.bronze.billing": "COMPLETE",
        "churn-pipeline.silver.customers": "FAIL",
        "churn-pipeline": "FAIL",
    }
    assert "planted" not in json.dumps(receiver.events)


def test_job_that_raises_keeps_what_it_has_published(platform, receiver):
    def dies(arguments):
        Results(open_folder(arguments["lake"])).write(
            result(arguments, "gold.customer_churn_analysis", version_after=3)
        )
        raise JobError("Java heap space near planted")

    with pytest.raises(JobError):
        churn_pipeline(platform(gold=dies))
    states = _states(receiver.events)
    assert states["churn-pipeline.gold.customer_churn_analysis"] == "COMPLETE"
    assert states["churn-pipeline.gold.churn_breakdown"] == states["churn-pipeline"] == "FAIL"
    assert "planted" not in json.dumps(receiver.events)


def test_receiver_that_fails_is_an_outage_and_the_next_run_makes_up_for_it(platform, receiver, tmp_path):
    machine = platform()
    receiver.answers = [503]
    with pytest.raises(OutageError, match=r"^missing: lineage \(the receiver of lineage .* answered 503"):
        churn_pipeline(machine)
    assert (receiver.events, len(_written(tmp_path / "lake"))) == ([], 1)
    assert churn_pipeline(machine).load.version == 0
    first, second = _written(tmp_path / "lake")
    assert receiver.events == [*first, *second]


def test_warehouse_that_fails_is_a_failed_load(platform, receiver):
    machine = platform()
    down = machine.warehouse.model_copy(update={"port": 9, "connect_timeout_seconds": 0})
    with pytest.raises(OutageError):
        churn_pipeline(machine.model_copy(update={"warehouse": down}))
    states = _states(receiver.events)
    assert states["churn-pipeline.export.warehouse"] == "COMPLETE"
    assert states["churn-pipeline.warehouse"] == states["churn-pipeline"] == "FAIL"
