"""Create or update a stack with the package that it runs, and delete it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

from contract.errors import PlatformError
from infrastructure.aws.calls import aws_errors_as
from infrastructure.aws.package import GluePackage, build
from infrastructure.aws.stack import TEMPLATE, Stack

BUCKETS = ("RawBucketName", "LakeBucketName", "ArtifactBucketName", "ResultsBucketName")
Log = Callable[[str], None]
Confirm = Callable[[str], bool]


def describe(parameters: Mapping[str, str]) -> list[str]:
    """Return a line per parameter and resource of the template with `parameters`; needs no account. Raises PlatformError."""
    template: dict[str, Any] = cfn_yaml.load(str(TEMPLATE))
    check_parameters(template, parameters)
    chosen = {name: spec.get("Default", "") for name, spec in template["Parameters"].items()} | dict(parameters)
    lines = [f"parameter {name} = {value}" for name, value in chosen.items()]
    return lines + [f"resource  {name} ({spec['Type']})" for name, spec in template["Resources"].items()]


def check_parameters(template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
    """Raise PlatformError for a parameter that the template does not have, before anything is started."""
    unknown = [name for name in parameters if name not in template["Parameters"]]
    if unknown:
        raise PlatformError(
            f"the template has no parameter {', '.join(unknown)}. It has: {', '.join(template['Parameters'])}"
        )


def deploy(
    stack: Stack, s3: Any, parameters: Mapping[str, str], out: Path, confirm: Confirm, log: Log
) -> dict[str, str] | None:
    """Build, upload, and create or update the stack through a change set that is shown first.

    Returns the outputs of the stack, None when `confirm` says no to the changes. `s3` is a boto3 client, `log` gets a
    line of progress at a time. Raises PlatformError.
    """
    check_parameters(cfn_yaml.load(str(TEMPLATE)), parameters)
    package = build(out)
    log(f"built {package.library} ({package.library.stat().st_size:,} bytes), version {package.digest}")
    # A stack that is there gets its files first: no run may find the job's new keys empty.
    if stack.exists():
        upload(package, s3, stack.outputs()["ArtifactBucketName"], log)
    plan = stack.plan({**package.parameters, **parameters})
    for change in plan.changes:
        log(change)
    if not plan.changes:
        log("the stack is up to date")
        stack.discard(plan)
    elif not confirm(f"Apply these {len(plan.changes)} changes to {stack.name}?"):
        stack.discard(plan)
        return None
    else:
        stack.apply(plan, log)
    outputs = stack.outputs()
    upload(package, s3, outputs["ArtifactBucketName"], log)
    return outputs


def upload(package: GluePackage, s3: Any, bucket: str, log: Log) -> None:
    """Put the package into the artifact bucket; what is there already is left alone."""
    with aws_errors_as(f"uploading to s3://{bucket}"):
        for path, key in ((package.script, package.script_key), (package.library, package.library_key)):
            if s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount"):
                continue
            s3.upload_file(str(path), bucket, key)
            log(f"uploaded s3://{bucket}/{key}")


def destroy(stack: Stack, s3: Any, log: Log, *, delete_data: bool) -> None:
    """Delete the stack; with `delete_data` its buckets and all that is in them, too."""
    if stack.status() is None:
        log(f"there is no stack {stack.name}")
        return
    buckets = [name for key, name in stack.outputs().items() if key in BUCKETS]
    stack.delete(log)
    for bucket in buckets:
        if delete_data:
            with aws_errors_as(f"deleting the bucket {bucket}"):
                _delete_bucket(s3, bucket)
            log(f"deleted s3://{bucket}")
        else:
            log(f"kept s3://{bucket}")


def _delete_bucket(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            doomed = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True})
    s3.delete_bucket(Bucket=bucket)
