"""Settings of a deployed stack that CloudFormation has no resource for: the warehouse's usage limit, retention of logs."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from infrastructure.aws.calls import aws_errors_as, error_code

_COMPUTE = "serverless-compute"
# Groups of a Glue run; Glue itself creates them without an end.
_OF_A_RUN = ("output", "error")


def limit_usage(redshift: Any, outputs: Mapping[str, str]) -> str | None:
    """Set the RPU-hours a month after which the stack's warehouse refuses queries; return what was done, None for nothing.

    `redshift` is a boto3 client of redshift-serverless. Raises PlatformError.
    """
    arn = outputs["WarehouseWorkgroupArn"]
    hours = int(outputs["WarehouseMonthlyRpuHours"])
    with aws_errors_as(f"limiting the usage of {arn}"):
        present = redshift.list_usage_limits(resourceArn=arn, usageType=_COMPUTE)["usageLimits"]
        monthly = [limit for limit in present if limit["period"] == "monthly"]
        if any(limit["amount"] == hours for limit in monthly):
            return None
        if monthly:
            redshift.update_usage_limit(usageLimitId=monthly[0]["usageLimitId"], amount=hours)
        else:
            redshift.create_usage_limit(
                resourceArn=arn, usageType=_COMPUTE, amount=hours, period="monthly", breachAction="deactivate"
            )
    return f"the warehouse refuses queries after {hours:,} RPU-hours a month"


def keep_logs(logs: Any, outputs: Mapping[str, str]) -> list[str]:
    """Set how long logs of Glue and of the warehouse are kept; return a line per log group that was changed.

    Groups of Glue runs are created, encrypted, before the first run. `logs` is a boto3 client. Raises PlatformError.
    """
    days, lines = int(outputs["LogDays"]), []
    with aws_errors_as("setting the retention of logs"):
        for name in (f"{outputs['JobLogGroups']}{kind}" for kind in _OF_A_RUN):
            _create_group(logs, name, outputs["KeyArn"])
        for group in _groups(logs, outputs):
            if group.get("retentionInDays") != days:
                logs.put_retention_policy(logGroupName=group["logGroupName"], retentionInDays=days)
                lines.append(f"{group['logGroupName']} is kept for {days} days")
    return lines


def _create_group(logs: Any, name: str, key: str) -> None:
    try:
        logs.create_log_group(logGroupName=name, kmsKeyId=key)
    except ClientError as error:
        if error_code(error) != "ResourceAlreadyExistsException":
            raise


def _groups(logs: Any, outputs: Mapping[str, str]) -> list[dict[str, Any]]:
    """The log groups that belong to the stack alone: of the job, and of the namespace where there is one."""
    prefixes = [outputs["JobLogGroups"]]
    if "WarehouseNamespace" in outputs:
        prefixes.append(f"/aws/redshift/{outputs['WarehouseNamespace']}/")
    pages = (logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix) for prefix in prefixes)
    return [group for paginator in pages for page in paginator for group in page["logGroups"]]
