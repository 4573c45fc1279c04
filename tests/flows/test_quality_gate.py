"""The visible gate: what stops the flow, in which words, and what an operator finds as artifact."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from blocks.glue import LocalGlueJob
from blocks.platform import Platform
from contract.errors import BrokenCheckError, GateError
from lake.results import Check, JobResult, Results
from lake.storage import open_folder
from tasks.quality import enforce_gate
from tasks.report import publish_report

GOOD = Check("values not null", "customer_id", "critical", True, observed="0 of 9 rows")
BAD = Check(
    "values are in set",
    "churn",
    "critical",
    False,
    observed="2 of 9 rows",
    limit="value set Yes, No",
    failing_percent=200 / 9,
    examples=("Maybe",),
)
UNMET = Check("values not null", "city", "warning", False, observed="5 of 9 rows")
BROKEN = Check("values are unique", "gone", "warning", False, broken=True, observed="no such column")


def _result(*checks, outcome="passed", table="silver.customers"):
    return JobResult(
        "silver",
        table,
        "run",
        "2026-01-01T00:00:00+00:00",
        outcome,
        version_before=0,
        version_after=1,
        rows_read=9,
        rows_written=9,
        checks=checks,
    )


@pytest.fixture
def platform(prefect_harness, warehouse, tmp_path):
    return Platform(lake=str(tmp_path / "a lake"), raw=str(tmp_path), jobs=LocalGlueJob(), warehouse=warehouse)


def _artifact(key):
    from prefect.artifacts import Artifact

    return Artifact.get(key)


@pytest.mark.parametrize(
    "result", [_result(GOOD), _result(GOOD, UNMET, outcome="warned"), _result(outcome="unchanged")]
)
def test_what_is_published_passes(platform, result):
    enforce_gate(platform, "silver", [result])


def test_a_failed_batch_stops_with_what_failed(platform):
    with pytest.raises(GateError) as error:
        enforce_gate(platform, "silver", [_result(GOOD, BAD, UNMET, outcome="failed")])
    words = str(error.value)
    assert "silver.customers: critical: values are in set on churn failed (2 of 9 rows)" in words
    assert "Maybe" not in words, "a value may be a customer's"
    assert "city" not in words, "only what stops the batch"
    assert "nothing of it was published" in words
    assert not isinstance(error.value, BrokenCheckError)


def test_a_broken_check_is_told_apart(platform):
    with pytest.raises(BrokenCheckError, match="could not be evaluated"):
        enforce_gate(platform, "silver", [_result(BAD, outcome="failed"), _result(BROKEN, outcome="broken")])


def test_every_check_is_in_the_artifact(platform):
    with pytest.raises(GateError):
        enforce_gate(platform, "gold", [_result(GOOD, BAD, UNMET, BROKEN, outcome="broken")])
    found = _artifact("quality-gold")
    rows = json.loads(found.data)
    assert [row["result"] for row in rows] == ["passed", "failed", "failed", "broken"]
    assert rows[1] == {
        "table": "silver.customers",
        "expectation": "values are in set",
        "on": "churn",
        "severity": "critical",
        "result": "failed",
        "observed": "2 of 9 rows",
        "limit": "value set Yes, No",
        "failing": "22.22 %",
    }
    assert "9 read, 9 written" in found.description
    assert "_reports/quality.html" in found.description


def test_only_the_most_important_reasons_are_in_the_message(platform):
    checks = [replace(BAD, subject=f"s{n}", failing_percent=float(n)) for n in range(6)]
    with pytest.raises(GateError) as error:
        enforce_gate(platform, "gold", [_result(*checks, BROKEN, outcome="broken")])
    words = str(error.value)
    assert [words.count(f" on {name} ") for name in ("gone", "s5", "s4", "s3")] == [1, 1, 1, 0]
    assert "and 4 more" in words


def test_the_report_is_written_even_for_a_run_that_did_nothing(prefect_harness, warehouse, tmp_path):
    Results(open_folder(tmp_path)).write(_result(GOOD))
    platform = Platform(lake=str(tmp_path), jobs=LocalGlueJob(), warehouse=warehouse)
    path = publish_report(platform, [])
    assert "silver.customers" in Path(path).read_text(encoding="utf-8")
    assert Path(path).as_uri() in str(_artifact("quality-report").data)
