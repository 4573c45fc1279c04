"""How old gold is, as the alarm reads it."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from prefect_aws import AwsCredentials

from blocks.glue import LocalGlueJob
from blocks.metrics import NAMESPACE, Metrics
from blocks.platform import Platform
from contract.errors import PlatformError
from infrastructure.aws.stack import OPERATIONS_TEMPLATE, read_template
from lake.delta_log import commit_file
from tasks.metrics import GOLD_AGE, record_gold_age

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}  # not a secret


@pytest.fixture
def platform(bucket, tmp_path):
    metrics = Metrics(job_name=tmp_path.name, credentials=AwsCredentials(**CREDENTIALS))
    return Platform(lake=str(tmp_path), jobs=LocalGlueJob(), metrics=metrics)


def _commit(platform, version, age, **action):
    moment = datetime.now(UTC) - age
    lines = [{"commitInfo": {"timestamp": int(moment.timestamp() * 1000)}}, *([action] if action else [])]
    platform.folder().write_text(commit_file("gold/churn_kpis", version), "\n".join(map(json.dumps, lines)))


def _written(platform):
    dimensions = [{"Name": "JobName", "Value": platform.metrics.job_name}]
    now = datetime.now(UTC)
    found = boto3.client("cloudwatch", **CREDENTIALS).get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=GOLD_AGE,
        Dimensions=dimensions,
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=3600,
        Statistics=["Minimum"],
    )
    return [point["Minimum"] for point in found["Datapoints"]]


def test_age_is_that_of_the_last_change_of_rows(platform):
    """Maintenance rewrites the same rows: gold does not get younger by it."""
    _commit(platform, 3, timedelta(hours=50), add={"path": "a", "dataChange": True})
    _commit(platform, 4, timedelta(hours=30), remove={"path": "a", "dataChange": True})
    _commit(platform, 5, timedelta(hours=2), add={"path": "b", "dataChange": False})
    _commit(platform, 6, timedelta(hours=1))
    assert record_gold_age.fn(platform) == pytest.approx(30, abs=0.1)
    assert _written(platform) == [pytest.approx(30, abs=0.1)]


def test_without_gold_nothing_is_written(platform):
    assert record_gold_age.fn(platform) is None
    assert _written(platform) == []


def test_local_platform_has_no_metrics(platform):
    _commit(platform, 0, timedelta(), add={"path": "a", "dataChange": True})
    assert record_gold_age.fn(platform.model_copy(update={"metrics": None})) is None


def test_refused_metric_is_an_outage(platform, monkeypatch):
    _commit(platform, 0, timedelta(), add={"path": "a", "dataChange": True})
    far = platform.metrics.credentials.model_copy(update={"region_name": "no region"})
    metrics = platform.metrics.model_copy(update={"credentials": far})
    with pytest.raises(PlatformError, match="CloudWatch did not take the metric GoldAgeHours"):
        record_gold_age.fn(platform.model_copy(update={"metrics": metrics}))


def test_alarm_reads_what_is_written():
    alarm = read_template(OPERATIONS_TEMPLATE)["Resources"]["GoldAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (NAMESPACE, GOLD_AGE)
    assert [dimension["Name"] for dimension in alarm["Dimensions"]] == ["JobName"]
