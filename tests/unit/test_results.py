"""Results of jobs: what stops a batch, what is written down, what is read back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import errors
from contract.errors import ChurnError, GateError, JobError, LakeError, error_from_code
from lake.results import BatchStatistics, Check, FileNote, JobResult, Results, result_of_step, worst_outcome
from lake.storage import open_folder

SEVERITIES = ("critical", "warning", "info")
checks = st.builds(
    Check,
    expectation=st.text(max_size=20),
    subject=st.text(max_size=20),
    severity=st.sampled_from(SEVERITIES),
    success=st.booleans(),
    broken=st.booleans(),
    observed=st.text(max_size=20),
    examples=st.lists(st.text(max_size=8), max_size=3).map(tuple),
)
results = st.builds(
    JobResult,
    job=st.just("silver"),
    table=st.sampled_from(["silver.customers", "silver.quarantine", None]),
    step=st.sampled_from(["", "dashboard"]),
    run_id=st.just("run"),
    started_at=st.just("2026-01-01T00:00:00+00:00"),
    outcome=st.sampled_from(["passed", "warned", "failed", "broken", "unchanged"]),
    version_before=st.none() | st.integers(0, 99),
    version_after=st.none() | st.integers(0, 99),
    rows_read=st.integers(0, 10**9),
    checks=st.lists(checks, max_size=3).map(tuple),
    statistics=st.builds(
        BatchStatistics,
        rows=st.none() | st.integers(0, 10**9),
        files=st.none() | st.integers(0, 99),
        null_rates=st.dictionaries(st.text(max_size=8), st.floats(0, 1), max_size=3),
        kpis=st.dictionaries(st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    ),
    notes=st.lists(st.text(max_size=20), max_size=2).map(tuple),
    quarantined_examples=st.lists(st.text(max_size=20), max_size=2).map(tuple),
    set_aside=st.lists(st.builds(FileNote, st.text(max_size=9), st.text(max_size=9), st.booleans()), max_size=2).map(
        tuple
    ),
    waiting=st.lists(st.text(max_size=9), max_size=2).map(tuple),
)


def _check(severity="critical", *, success=False, broken=False, examples=()):
    return Check("values are between", "age", severity, success, broken, "3 of 9 rows", examples)


def _result(run_id, table="silver.customers", outcome="passed", second=0):
    started_at = f"2026-01-01T00:00:{second:02d}+00:00"
    return JobResult(table.split(".")[0], table, run_id, started_at, outcome)


@pytest.mark.parametrize(
    ("check", "stops"),
    [
        (_check(success=True), False),
        (_check(), True),
        (_check("warning"), False),
        (_check("info"), False),
        (_check("info", broken=True), True),
    ],
)
def test_only_critical_and_broken_checks_stop(check, stops):
    assert check.stops is stops


def test_a_sentence_says_what_where_and_how_much():
    sentence = _check(examples=("-1", "999")).sentence()
    assert sentence == "critical: values are between on age failed (3 of 9 rows)", "a value may be a customer's"
    assert "could not be evaluated" in _check(broken=True).sentence()


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ([], "passed"),
        ([_check("info")], "passed"),
        ([_check("warning")], "warned"),
        ([_check("warning"), _check()], "failed"),
        ([_check(), _check("info", broken=True)], "broken"),
    ],
)
def test_the_worst_check_decides(found, outcome):
    assert worst_outcome(found) == outcome


@given(st.lists(checks, max_size=6))
def test_a_batch_is_published_exactly_when_nothing_stops_it(found):
    outcome = worst_outcome(found)
    assert (outcome in ("failed", "broken")) == any(check.stops for check in found)
    assert worst_outcome(reversed(found)) == outcome


@given(results)
def test_what_is_written_is_read_back(tmp_path_factory, result):
    store = Results(open_folder(tmp_path_factory.mktemp("lake")))
    store.write(result)
    assert store.for_run("run") == [result]


def test_a_job_s_results_are_those_of_its_layer(tmp_path):
    store = Results(open_folder(tmp_path))
    late, early = _result("r1", "gold.churn_kpis", second=9), _result("r1", "gold.churn_breakdown", second=1)
    for result in (late, early, _result("r1"), _result("r2", "gold.churn_kpis")):
        store.write(result)
    assert store.for_job("r1", "gold") == [early, late]
    with pytest.raises(JobError, match="bronze job left no result"):
        store.for_job("r1", "bronze")


def test_history_is_newest_first_and_knows_only_runs_that_saw_data(tmp_path):
    store = Results(open_folder(tmp_path))
    for run_id, outcome in (("1", "passed"), ("2", "unchanged"), ("3", "failed")):
        store.write(_result(run_id, outcome=outcome))
    assert [result.run_id for result in store.history("silver.customers")] == ["3", "1"]
    assert store.run_ids() == ["1", "2", "3"]
    assert list(store.history("gold.churn_kpis")) == []


def test_before_the_first_run_there_is_nothing(tmp_path):
    store = Results(open_folder(tmp_path / "none"))
    assert store.run_ids() == []
    assert list(store.history("silver.customers")) == []


def test_a_damaged_result_is_named(tmp_path):
    store = Results(open_folder(tmp_path))
    store.write(_result("1"))
    (path,) = tmp_path.rglob("*.json")
    path.write_text("{", encoding="utf-8")
    with pytest.raises(LakeError, match=r"silver\.customers\.json is damaged"):
        store.for_run("1")


def test_a_second_result_of_a_table_replaces_the_first(tmp_path):
    store = Results(open_folder(tmp_path))
    first = _result("1")
    store.write(first)
    store.write(replace(first, rows_read=5))
    assert [result.rows_read for result in store.for_run("1")] == [5]


def test_names_tell_the_results_of_a_run_apart():
    made = [
        JobResult(job, table, "r", "t", "passed", step=step)
        for job, table, step in (
            ("bronze", None, ""),
            ("bronze", "bronze.billing", ""),
            ("silver", "silver.customers", ""),
            ("maintenance", "silver.customers", ""),
            ("export", None, "dashboard"),
            ("export", None, "warehouse"),
            ("review", None, ""),
        )
    ]
    assert [result.name for result in made] == [
        "bronze", "bronze.billing", "silver.customers", "maintenance.silver.customers", "export.dashboard",
        "export.warehouse", "review",
    ]  # fmt: skip
    assert [result.is_batch for result in made] == [False, True, True, False, False, False, False]
    assert result_of_step(made, "warehouse") is made[5]
    with pytest.raises(JobError, match="no result of its step tableau"):
        result_of_step(made, "tableau")


FIRST_RELEASE = {
    "run_id": "r1", "started_at": "2026-01-01T00:00:00+00:00", "outcome": "passed", "version_before": 0,
    "version_after": 1, "rows_read": 3, "rows_written": 3, "rows_quarantined": 0, "rows_incomplete": 0, "seconds": 1.0,
    "engine": "pandas", "checks": [], "notes": ["n"], "rejects": ["x in a.csv: y"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "about"),
    [
        ("silver.customers", ("silver", "silver.customers", "")),
        ("maintenance.silver.customers", ("maintenance", "silver.customers", "")),
        ("bronze", ("bronze", None, "")),
        ("export", ("export", None, "warehouse")),
        ("export.dashboard", ("export", None, "dashboard")),
        ("review", ("review", None, "")),
    ],
)
def test_results_of_the_first_release_are_read(tmp_path, table, about):
    metrics = {"batch_rows": 3.0, "files": 2.0, "null_rate.city": 0.5, "kpi.customers": 7.0}
    content = FIRST_RELEASE | {"table": table, "metrics": metrics}
    open_folder(tmp_path / "_runs" / "r1").write_json(f"{table}.json", content)
    (result,) = Results(open_folder(tmp_path)).for_run("r1")
    assert (result.job, result.table, result.step) == about
    assert result.statistics == BatchStatistics(3, 2, {"city": 0.5}, {"customers": 7.0})
    assert result.quarantined_examples == ("x in a.csv: y",)
    assert result.notes == ("n",)
    assert (result.set_aside, result.waiting) == ((), ())


def test_an_error_keeps_its_class_across_the_process_border(tmp_path):
    store = Results(open_folder(tmp_path))
    assert store.failure("r1", "gold") is None
    store.write_failure("r1", "gold", GateError("too many quarantined rows"))
    found = store.failure("r1", "gold")
    assert (type(found), str(found)) == (GateError, "too many quarantined rows")
    assert store.failure("r1", "silver") is None
    assert store.run_ids() == [], "an error is no run"
    store.clear_failure("r1", "gold")
    assert store.failure("r1", "gold") is None


def test_codes_are_unique_and_lead_back_to_their_class():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ChurnError)]
    assert len({kind.code for kind in kinds}) == len(kinds) > 10
    assert all(type(error_from_code(kind.code, "x")) is kind for kind in kinds)
    assert type(error_from_code("of-a-later-release", "x")) is JobError
