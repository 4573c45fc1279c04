"""From nothing to a running platform, and back."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml
from prefect_aws import AwsCredentials

from blocks.arrivals import ArrivalQueue
from blocks.athena import Athena
from blocks.aws import client_of, explained
from blocks.catalog import GlueCatalog
from blocks.crawlers import GlueCrawler
from blocks.glue import GlueJob
from blocks.notify import Topic
from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from infrastructure.package import GluePackage, build
from infrastructure.stack import TEMPLATE, Stack
from transforms.errors import PlatformError

BUCKETS = ("RawBucketName", "LakeBucketName", "ArtifactBucketName", "ResultsBucketName")
Tell = Callable[[str], None]
Confirm = Callable[[str], bool]


def describe(parameters: Mapping[str, str]) -> list[str]:
    """What the template makes with `parameters`, in words; needs no account. Raises PlatformError."""
    template: dict[str, Any] = cfn_yaml.load(str(TEMPLATE))
    check_parameters(template, parameters)
    chosen = {name: spec.get("Default", "") for name, spec in template["Parameters"].items()} | dict(parameters)
    lines = [f"parameter {name} = {value}" for name, value in chosen.items()]
    return lines + [f"resource  {name} ({spec['Type']})" for name, spec in template["Resources"].items()]


def check_parameters(template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
    """Refuse a parameter that the template does not know before anything is started."""
    unknown = [name for name in parameters if name not in template["Parameters"]]
    if unknown:
        raise PlatformError(
            f"the template has no parameter {', '.join(unknown)}. It has: {', '.join(template['Parameters'])}"
        )


def deploy(
    stack: Stack, credentials: AwsCredentials, parameters: Mapping[str, str], out: Path, confirm: Confirm, tell: Tell
) -> Platform | None:
    """Build, upload, and create or update the stack through a change set that is shown first.

    The platform of the stack, or None when `confirm` says no to the changes.
    """
    check_parameters(cfn_yaml.load(str(TEMPLATE)), parameters)
    package = build(out)
    tell(f"built {package.library} ({package.library.stat().st_size:,} bytes), version {package.digest}")
    # A stack that is there gets its files first: no run may find the job's new keys empty.
    if stack.exists():
        upload(package, credentials, stack.outputs()["ArtifactBucketName"], tell)
    plan = stack.plan({**package.parameters, **parameters})
    for change in plan.changes:
        tell(change)
    if not plan.changes:
        tell("the stack is up to date")
        stack.discard(plan)
    elif not confirm(f"Apply these {len(plan.changes)} changes to {stack.name}?"):
        stack.discard(plan)
        return None
    else:
        stack.apply(plan, tell)
    outputs = stack.outputs()
    upload(package, credentials, outputs["ArtifactBucketName"], tell)
    return platform_of(outputs, credentials)


def upload(package: GluePackage, credentials: AwsCredentials, bucket: str, tell: Tell) -> None:
    """Put the package into the artifact bucket; what is there already is left alone."""
    s3 = client_of(credentials, "s3")
    with explained(f"uploading to s3://{bucket}"):
        for path, key in ((package.script, package.script_key), (package.library, package.library_key)):
            if s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount"):
                continue
            s3.upload_file(str(path), bucket, key)
            tell(f"uploaded s3://{bucket}/{key}")


def platform_of(outputs: Mapping[str, str], credentials: AwsCredentials) -> Platform:
    """The Platform block that a stack's outputs describe."""
    warehouse = RedshiftWarehouse(
        host=outputs.get("WarehouseHost", ""),
        database=outputs["WarehouseDatabase"],
        secret_arn=_secret(outputs, credentials),
        iam_role=outputs["CopyRoleArn"],
        credentials=credentials,
        bi_group="churn_readers",
    )
    return Platform(
        lake=outputs["Lake"],
        raw=outputs["Raw"],
        jobs=GlueJob(job_name=outputs["JobName"], credentials=credentials),
        warehouse=warehouse,
        catalog=GlueCatalog(prefix=outputs["CatalogPrefix"], credentials=credentials),
        athena=Athena(workgroup=outputs["AthenaWorkgroup"], credentials=credentials),
        crawlers=[
            GlueCrawler(
                crawler=outputs[f"{place}CrawlerName"], database=outputs[f"{place}Database"], credentials=credentials
            )
            for place in ("Raw", "Delta")
        ],
        arrivals=ArrivalQueue(queue_url=outputs["ArrivalsQueue"], credentials=credentials),
        notifier=Topic(topic_arn=outputs["AlertsTopic"], credentials=credentials),
        credentials=credentials,
    )


def _secret(outputs: Mapping[str, str], credentials: AwsCredentials) -> str:
    """The secret that Redshift manages for its administrator: no output of the namespace names it."""
    namespace = outputs.get("WarehouseNamespace")
    if namespace is None:
        return ""
    with explained(f"looking at the namespace {namespace}"):
        found = client_of(credentials, "redshift-serverless").get_namespace(namespaceName=namespace)
    return str(found["namespace"]["adminPasswordSecretArn"])


def destroy(stack: Stack, credentials: AwsCredentials, tell: Tell, *, delete_data: bool) -> None:
    """Delete the stack; with `delete_data` its buckets and all that is in them, too."""
    if stack.status() is None:
        tell(f"there is no stack {stack.name}")
        return
    buckets = [name for key, name in stack.outputs().items() if key in BUCKETS]
    stack.delete(tell)
    s3 = client_of(credentials, "s3")
    for bucket in buckets:
        if delete_data:
            with explained(f"deleting the bucket {bucket}"):
                _delete_bucket(s3, bucket)
            tell(f"deleted s3://{bucket}")
        else:
            tell(f"kept s3://{bucket}")


def _delete_bucket(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            doomed = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True})
    s3.delete_bucket(Bucket=bucket)
