"""Settings that CloudFormation has no resource for."""

import boto3
import pytest
from botocore.exceptions import ClientError

from contract.errors import PlatformError
from infrastructure.aws.settings import keep_logs, limit_usage

ARN = "arn:aws:redshift-serverless:eu-west-1:1:workgroup/1"


class UsageLimits:
    """Redshift Serverless, which moto does not have: the usage limits of a workgroup."""

    def __init__(self):
        self.limits = []

    def list_usage_limits(self, resourceArn, usageType):  # noqa: N803
        return {"usageLimits": [limit for limit in self.limits if limit["resourceArn"] == resourceArn]}

    def create_usage_limit(self, **limit):
        if limit in self.limits:
            raise ClientError({"Error": {"Code": "ConflictException", "Message": "exists"}}, "CreateUsageLimit")
        self.limits.append(limit | {"usageLimitId": str(len(self.limits))})

    def update_usage_limit(self, usageLimitId, amount):  # noqa: N803
        self.limits[int(usageLimitId)]["amount"] = amount


def _limit(redshift, hours):
    return limit_usage(redshift, {"WarehouseWorkgroupArn": ARN, "WarehouseMonthlyRpuHours": str(hours)})


def test_usage_is_limited_once():
    redshift = UsageLimits()
    assert _limit(redshift, 1400) == "the warehouse refuses queries after 1,400 RPU-hours a month"
    assert _limit(redshift, 1400) is None
    (limit,) = redshift.limits
    assert (limit["resourceArn"], limit["amount"], limit["period"]) == (ARN, 1400, "monthly")
    assert (limit["usageType"], limit["breachAction"]) == ("serverless-compute", "deactivate")


def test_changed_limit_takes_the_place_of_the_present_one():
    redshift = UsageLimits()
    redshift.create_usage_limit(resourceArn=ARN, amount=3, period="daily")
    _limit(redshift, 400)
    assert _limit(redshift, 500) == "the warehouse refuses queries after 500 RPU-hours a month"
    assert [(limit["period"], limit["amount"]) for limit in redshift.limits] == [("daily", 3), ("monthly", 500)]


@pytest.fixture
def logs(bucket):
    """The client of the imitated CloudWatch Logs, without groups."""
    client = boto3.client("logs", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")  # not a secret
    for group in client.describe_log_groups()["logGroups"]:
        client.delete_log_group(logGroupName=group["logGroupName"])
    return client


OUTPUTS = {"LogDays": "90", "JobLogGroups": "/aws-glue/jobs-role-churn/", "KeyArn": "arn:aws:kms:us-east-1:1:key/k"}
GROUPS = [f"/aws-glue/jobs-role-churn/{kind}" for kind in ("error", "output")]


def _groups(logs):
    return {group["logGroupName"]: group for group in logs.describe_log_groups()["logGroups"]}


def test_logs_of_runs_are_kept_and_encrypted_before_the_first_run(logs):
    assert sorted(keep_logs(logs, OUTPUTS)) == [f"{name} is kept for 90 days" for name in GROUPS]
    found = _groups(logs)
    assert sorted(found) == GROUPS
    assert {(group["retentionInDays"], group["kmsKeyId"]) for group in found.values()} == {(90, OUTPUTS["KeyArn"])}
    assert keep_logs(logs, OUTPUTS) == []


def test_groups_that_glue_has_made_end_as_well(logs):
    logs.create_log_group(logGroupName=GROUPS[1])
    logs.create_log_group(logGroupName="/aws-glue/jobs-role-churn/logs-v2")
    assert len(keep_logs(logs, OUTPUTS)) == 3
    assert len(keep_logs(logs, OUTPUTS | {"LogDays": "30"})) == 3


def test_logs_of_others_are_left_alone(logs):
    for name in ("/aws-glue/jobs/output", "/aws-glue/jobs-role-churn-staging/output", "/aws/redshift/churn-2b/userlog"):
        logs.create_log_group(logGroupName=name)
    logs.create_log_group(logGroupName="/aws/redshift/churn-1a/userlog")
    keep_logs(logs, OUTPUTS | {"WarehouseNamespace": "churn-1a"})
    kept = [name for name, group in _groups(logs).items() if "retentionInDays" in group]
    assert sorted(kept) == [*GROUPS, "/aws/redshift/churn-1a/userlog"]


def test_refusal_is_explained():
    class Refusing:
        def create_log_group(self, **options):
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "CreateLogGroup")

    with pytest.raises(PlatformError, match="setting the retention of logs: the role may not do that"):
        keep_logs(Refusing(), OUTPUTS)
