"""OpenLineage events from results made by hand."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import GateError, JobError, LakeError
from contract.tables import TABLES
from lake.results import DASHBOARD_STEP, WAREHOUSE_STEP, BatchStatistics, Check, JobResult
from serving.lineage.datasets import Places, redshift_table
from serving.lineage.events import FinishedRun, describe_error, run_events
from tests.support.openlineage import check_event, facets

START = datetime(2026, 1, 2, 6, tzinfo=UTC)
TABLE = redshift_table("wh.example", 5439, "telecom_churn", "public", "customer_churn_analysis")
LAKE = Places("s3://raw/files", "s3://lake/prod/", TABLE)
PLANTED = "7590-VHVEG"
CHECKS = (
    Check("values not null (mostly 1)", "customer_id", "critical", True, limit="mostly 1", failing_percent=0.0),
    Check("values are in set", "churn", "warning", False, observed=PLANTED, examples=(PLANTED,), failing_percent=2.5),
    Check("values are unique", "customer_id, churn", "info", False, broken=True, observed=PLANTED),
)


def _result(table=None, step="", at=0, outcome="passed", job="", **facts):
    """A result of a second's work, `at` seconds after the run began."""
    began = (START + timedelta(seconds=at)).isoformat()
    return JobResult(job or table.split(".")[0], table, "r", began, outcome, step, seconds=1.0, **facts)


def _day():
    """What a day with billing files leaves: bronze and gold are new, the quarantine has nothing to do."""
    export = {"job": "export", "version_after": 7}
    return [
        _result("bronze.billing", at=1, version_after=3, rows_written=5, statistics=BatchStatistics(rows=5, files=2)),
        _result("silver.quarantine", at=2, outcome="unchanged"),
        _result("silver.customers", at=3, version_after=9, rows_written=4, checks=CHECKS, outcome="warned"),
        *(
            _result(name, at=4 + n, version_after=7, rows_written=4)
            for n, name in enumerate(name for name in TABLES if name.startswith("gold."))
        ),
        _result(step=DASHBOARD_STEP, at=10, rows_written=9, **export),
        _result(step=WAREHOUSE_STEP, at=11, rows_written=4, **export),
    ]


def _run(results, **facts):
    given = {"completed_jobs": frozenset(result.job for result in results), "places": LAKE} | facts
    return FinishedRun("r", "churn", started_at=START, ended_at=START + timedelta(minutes=1), results=results, **given)


def _events(results, **facts):
    found = [json.loads(text) for text in run_events(_run(results, **facts))]
    for event in found:
        check_event(event)
    return found


def _ends(events):
    """The last event of each job, by the job's name without that of the pipeline."""
    return {
        event["job"]["name"].removeprefix("churn-pipeline."): event for event in events if event["eventType"] != "START"
    }


def _names(datasets):
    return [f"{dataset['namespace']}/{dataset['name']}" for dataset in datasets]


def _facets(event):
    return dict(facets(event))


# Jobs


def test_each_table_is_a_job_with_what_it_reads():
    ends = _ends(_events(_day(), loaded_rows=4, loaded_version=7))
    found = {job: (_names(event["inputs"]), _names(event["outputs"])) for job, event in ends.items()}
    lake, gold = "s3://lake/prod", "s3://lake/prod/gold"
    bronze = [f"{lake}/bronze/{feed}" for feed in ("customers", "demographics", "services", "billing")]
    assert found == {
        "bronze.billing": (["s3://raw/files/billing"], [f"{lake}/bronze/billing"]),
        "silver.customers": (bronze, [f"{lake}/silver/customers"]),
        "gold.customer_churn_analysis": ([f"{lake}/silver/customers"], [f"{gold}/customer_churn_analysis"]),
        "gold.churn_breakdown": ([f"{gold}/customer_churn_analysis"], [f"{gold}/churn_breakdown"]),
        "gold.churn_kpis": ([f"{gold}/churn_breakdown"], [f"{gold}/churn_kpis"]),
        "gold.customer_movements": ([f"{gold}/customer_churn_analysis"], [f"{gold}/customer_movements"]),
        "export.dashboard": (
            [f"{gold}/customer_churn_analysis", f"{gold}/churn_kpis"],
            [f"{lake}/_dashboard"],
        ),
        "export.warehouse": ([f"{gold}/customer_churn_analysis"], [f"{lake}/_exports/customer_churn_analysis"]),
        "warehouse": (
            [f"{lake}/_exports/customer_churn_analysis"],
            ["redshift://wh.example:5439/telecom_churn.public.customer_churn_analysis"],
        ),
        "churn-pipeline": ([], []),
    }  # fmt: skip
    assert {event["eventType"] for event in ends.values()} == {"COMPLETE"}


def test_local_datasets_are_files(tmp_path):
    places = Places(str(tmp_path / "raw"), str(tmp_path / "lake"))
    end = _ends(_events(_day(), places=places))["bronze.billing"]
    assert [(d["namespace"], d["name"]) for d in (*end["inputs"], *end["outputs"])] == [
        ("file", f"{tmp_path}/raw/billing"),
        ("file", f"{tmp_path}/lake/bronze/billing"),
    ]


def test_jobs_are_children_of_the_pipeline_and_keep_their_ids():
    events = _events(_day())
    pipeline = events[0]["run"]["runId"]
    assert (events[0]["job"]["name"], events[0]["eventTime"]) == ("churn-pipeline", "2026-01-02T06:00:00+00:00")
    assert events[-1]["run"]["runId"] == pipeline
    for event in events[1:-1]:
        parent = event["run"]["facets"]["parent"]
        assert parent["run"]["runId"] == pipeline != event["run"]["runId"]
        assert parent["job"] == {"namespace": "churn", "name": "churn-pipeline", "facets": {}}
    assert [event["run"]["runId"] for event in _events(_day())] == [event["run"]["runId"] for event in events]
    assert _events(_day(), places=replace(LAKE, lake="s3://other"))[0]["run"]["runId"] != pipeline


def test_nothing_to_load_is_no_load():
    assert "warehouse" not in _ends(_events(_day()))
    assert "warehouse" not in _ends(_events(_day(), places=replace(LAKE, warehouse=None), loaded_rows=3))


def test_day_of_a_backfill_is_the_nominal_time():
    nominal = _facets(_events(_day(), day=date(2026, 1, 31))[0])["nominalTime"]
    assert (nominal["nominalStartTime"], nominal["nominalEndTime"]) == (
        "2026-01-31T00:00:00+00:00",
        "2026-02-01T00:00:00+00:00",
    )
    assert "nominalTime" not in _facets(_events(_day())[0])


# Datasets


def _output(job):
    (output,) = _ends(_events(_day(), loaded_rows=4, loaded_version=7))[job]["outputs"]
    return output


def test_output_has_its_columns_version_and_rows():
    output = _output("gold.customer_churn_analysis")
    schema = TABLES["gold.customer_churn_analysis"].schema
    assert [(f["name"], f["type"]) for f in output["facets"]["schema"]["fields"]] == [(f.name, f.type) for f in schema]
    assert output["facets"]["version"]["datasetVersion"] == "7"
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 4
    loaded = _output("warehouse")
    assert (loaded["facets"]["version"]["datasetVersion"], loaded["outputFacets"]["outputStatistics"]["rowCount"]) == (
        "7",
        4,
    )


def test_input_has_the_version_that_this_run_wrote():
    inputs = _ends(_events(_day()))["silver.customers"]["inputs"]
    versions = {d["name"]: d["facets"].get("version", {}).get("datasetVersion") for d in inputs}
    assert versions == {
        "prod/bronze/billing": "3", "prod/bronze/customers": None, "prod/bronze/demographics": None,
        "prod/bronze/services": None,
    }  # fmt: skip


def test_columns_name_their_sources_and_how_they_are_used():
    lineage = _output("gold.customer_churn_analysis")["facets"]["columnLineage"]
    score = {f["field"]: f["transformations"][0] for f in lineage["fields"]["churn_score"]["inputFields"]}
    assert {name: (how["type"], how["subtype"]) for name, how in score.items()} == {
        "tenure_months": ("DIRECT", "TRANSFORMATION"),
        "churn": ("INDIRECT", "CONDITIONAL"),
    }
    assert {f["name"] for field in lineage["fields"].values() for f in field["inputFields"]} == {
        "prod/silver/customers"
    }
    assert [(f["field"], f["transformations"][0]["subtype"]) for f in lineage["dataset"]] == [("is_complete", "FILTER")]


def test_checks_are_assertions_without_values():
    found = _output("silver.customers")["facets"]["dataQualityAssertions"]["assertions"]
    assert [(a["assertion"], a["success"], a.get("column"), a["severity"], a.get("actual")) for a in found] == [
        ("values not null", True, "customer_id", "error", "0 % of rows fail"),
        ("values are in set", False, "churn", "warn", "2.5 % of rows fail"),
        ("values are unique on customer_id, churn", False, None, "info", None),
    ]
    counted = _output("bronze.billing")["facets"]["dataQualityMetrics"]
    assert (counted["rowCount"], counted["fileCount"]) == (5, 2)


# Failures


def test_stopped_batch_fails_its_job_and_writes_nothing():
    stopped = _result("silver.customers", outcome="failed", version_after=8, rows_written=0, checks=CHECKS)
    ends = _ends(_events([stopped], error=GateError(PLANTED)))
    assert {job: event["eventType"] for job, event in ends.items()} == {
        "silver.customers": "FAIL", "churn-pipeline": "FAIL",
    }  # fmt: skip
    end = ends["silver.customers"]
    assert _facets(end)["errorMessage"]["message"].startswith("gate: A batch failed a critical expectation")
    (output,) = end["outputs"]
    assert "version" not in output["facets"]
    assert "outputStatistics" not in output.get("outputFacets", {})
    assert "dataQualityAssertions" in output["facets"]


def test_broken_check_is_another_failure():
    broken = _result("gold.churn_kpis", outcome="broken")
    (end, _) = _ends(_events([broken], error=GateError())).values()
    assert _facets(end)["errorMessage"]["message"].startswith("broken-check: ")


@pytest.mark.parametrize(
    ("completed", "left", "failed"),
    [
        ((), ["bronze.billing"], ["bronze.customers", "bronze.demographics", "bronze.services"]),
        (("bronze",), [], ["silver.customer_history", "silver.customers", "silver.quarantine", "silver.tombstones"]),
        (
            ("bronze", "silver"),
            ["gold.customer_churn_analysis", "gold.churn_breakdown"],
            ["gold.churn_kpis", "gold.customer_movements"],
        ),
        (("bronze", "silver", "gold"), [], ["export.dashboard", "export.warehouse"]),
        (("bronze", "silver", "gold", "export"), [], []),
    ],
)
def test_job_that_raised_fails_what_it_left_undone(completed, left, failed):
    events = _events([_result(name) for name in left], completed_jobs=frozenset(completed), error=JobError(PLANTED))
    states = {job: event["eventType"] for job, event in _ends(events).items()}
    assert states == dict.fromkeys(left, "COMPLETE") | dict.fromkeys(failed, "FAIL") | {"churn-pipeline": "FAIL"}


def test_cancelled_run_is_aborted():
    events = _events([], error=KeyboardInterrupt())
    assert events[-1]["eventType"] == "ABORT"
    assert _facets(events[-1])["errorMessage"]["message"] == "KeyboardInterrupt"


def test_missing_warehouse_fails_the_load_and_the_run():
    ends = _ends(_events(_day(), missing=("the warehouse",), is_loaded=False))
    failed = [job for job, event in ends.items() if event["eventType"] == "FAIL"]
    assert failed == ["warehouse", "churn-pipeline"]
    assert _facets(ends["churn-pipeline"])["errorMessage"]["message"].endswith("Missing: the warehouse.")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (LakeError, "lake: The lake cannot be read or written."),
        (ValueError, "ValueError"),
    ],
)
def test_error_is_described_by_its_kind(kind, text):
    assert describe_error(kind) == text


# Every run

_OUTCOMES = st.sampled_from(["passed", "warned", "failed", "broken", "unchanged"])
_RESULTS = st.lists(
    st.builds(
        lambda table, outcome, at, rows: _result(table, at=at, outcome=outcome, rows_written=rows, checks=CHECKS),
        st.sampled_from(sorted(TABLES)),
        _OUTCOMES,
        st.integers(0, 100),
        st.integers(0, 10**12),
    ),
    unique_by=lambda result: result.name,
)
_ERRORS = st.sampled_from(
    [None, GateError(PLANTED), JobError(PLANTED), RuntimeError(PLANTED), KeyboardInterrupt(PLANTED)]
)


@given(_RESULTS, _ERRORS, st.sets(st.sampled_from(["bronze", "silver", "gold", "export"])))
def test_every_job_starts_and_ends_once_and_shows_no_customer(results, error, completed):
    texts = run_events(_run(results, error=error, completed_jobs=frozenset(completed)))
    assert not any(PLANTED in text for text in texts)
    starts, ends = {}, {}
    for event in map(json.loads, texts):
        check_event(event)
        seen = starts if event["eventType"] == "START" else ends
        assert event["run"]["runId"] not in seen
        seen[event["run"]["runId"]] = event
        assert bool(event["inputs"]) == bool(event["outputs"])
    assert starts.keys() == ends.keys()
    assert all(starts[run]["eventTime"] <= ends[run]["eventTime"] for run in starts)
    assert max(event["eventTime"] for event in ends.values()) == json.loads(texts[-1])["eventTime"]
    assert all(starts[run]["job"] == ends[run]["job"] for run in starts)
