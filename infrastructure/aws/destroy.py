"""Delete the stacks; what they keep is named, or deleted as well."""

from collections.abc import Callable, Collection
from typing import Any

from botocore.exceptions import ClientError

from contract.errors import PlatformError
from infrastructure.aws.calls import aws_errors_as, error_code
from infrastructure.aws.deploy import Client, Log
from infrastructure.aws.stack import Kept, Stack
from infrastructure.aws.stacks import Stacks

_KEY_DAYS = 7  # AWS's shortest delay
_GONE = ("NoSuchBucket", "NotFoundException", "ResourceNotFoundException")
_BUCKET, _KEY, _NAMESPACE = "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::RedshiftServerless::Namespace"
_NAMES = {_BUCKET: "s3://{}", _NAMESPACE: "the Redshift namespace {}", _KEY: "the KMS key {}"}
KEPT_KINDS = tuple(_NAMES)


def destroy(stacks: Stacks, client: Client, log: Log, *, delete_data: bool) -> None:
    """Delete the stacks, and with `delete_data` the buckets, the warehouse and the key that they keep, and the logs of runs.

    Where the lakehouse's stack is gone already, that is what deleted stacks of its name have left behind. Each thing is
    logged. Raises PlatformError.
    """
    lakehouse, operations = stacks.lakehouse, stacks.operations
    if lakehouse.status() is None:
        log(f"there is no stack {lakehouse.name}")
    kept = _deleted(operations, log)
    stacks.worker.delete(log)
    kept += _deleted(lakehouse, log)
    stacks.network.delete(log)
    # The key last: it is of no use without the others, and they are of no use without it.
    for kind in KEPT_KINDS:
        for resource in (resource for resource in kept if resource.kind == kind):
            log(_delete(client, resource) if delete_data else f"kept {_name(resource)}")
    for line in _logs(client("logs"), lakehouse.name, kept, delete=delete_data):
        log(line)
    if kept and not delete_data:
        log(
            "A new stack makes new ones: docs/deploy.md says how to take the data over. To delete all of it: "
            f"churn destroy --stack {lakehouse.name} --delete-data --confirm {lakehouse.name}"
        )


def _logs(logs: Any, stack: str, kept: Collection[Kept], *, delete: bool) -> list[str]:
    """Delete, or name, the logs of Glue runs and of the warehouse: the services made them, no stack."""
    # CloudFormation names a role after the stack and its logical id, Glue its groups after the role.
    prefixes = [f"/aws-glue/jobs-{stack}-JobRole-"]
    prefixes += [f"/aws/redshift/{resource.name}/" for resource in kept if resource.kind == _NAMESPACE]
    with aws_errors_as("looking for logs"):
        pages = (logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix) for prefix in prefixes)
        names = [group["logGroupName"] for paginator in pages for page in paginator for group in page["logGroups"]]
        if delete:
            for name in names:
                logs.delete_log_group(logGroupName=name)
    return [f"the log group {name} was deleted" if delete else f"kept the log group {name}" for name in names]


def _deleted(stack: Stack, log: Log) -> list[Kept]:
    """Delete a stack, and return what it keeps; where it is gone already, what it kept."""
    return stack.kept_before() if stack.status() is None else stack.delete(log)


def _name(resource: Kept) -> str:
    return _NAMES[resource.kind].format(resource.name)


def _delete(client: Client, resource: Kept) -> str:
    """Delete one thing; return what there is to say of it. What is gone already is no error."""
    delete, service = _DELETING[resource.kind]
    with aws_errors_as(f"deleting {_name(resource)}"):
        try:
            done = delete(client(service), resource.name)
        except ClientError as error:
            if error_code(error) not in _GONE:
                raise
            return f"{_name(resource)} is gone already"
    return f"{_name(resource)} {done}"


def _delete_bucket(s3: Any, bucket: str) -> str:
    count = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            doomed = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]
            refused = s3.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True}).get("Errors", ())
            if refused:
                raise PlatformError(f"{len(refused)} objects of {bucket} were not deleted: {refused[0].get('Message')}")
            count += len(doomed)
    s3.delete_bucket(Bucket=bucket)
    return f"was deleted, with {count:,} versions of its objects"


def _delete_namespace(redshift: Any, namespace: str) -> str:
    redshift.delete_namespace(namespaceName=namespace)
    return "is being deleted, with its tables"


def _delete_key(kms: Any, key: str) -> str:
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    date = described.get("DeletionDate")
    if described["KeyState"] != "PendingDeletion":
        date = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=_KEY_DAYS)["DeletionDate"]
    return f"is deleted on {date:%Y-%m-%d}; until then: aws kms cancel-key-deletion --key-id {key}"


_DELETING: dict[str, tuple[Callable[[Any, str], str], str]] = {
    _BUCKET: (_delete_bucket, "s3"),
    _NAMESPACE: (_delete_namespace, "redshift-serverless"),
    _KEY: (_delete_key, "kms"),
}
