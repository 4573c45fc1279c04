"""`churn doctor`: what is wrong with a deployed platform. It changes nothing."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from prefect.client.orchestration import get_client
from prefect.client.schemas import filters
from prefect.exceptions import ObjectNotFound

from blocks.aws import aws_client
from blocks.glue import GlueJob
from blocks.notify import Topic
from blocks.platform import Platform
from cli.platforms import load_platform
from contract.errors import PlatformError
from infrastructure.aws import checks
from infrastructure.aws.checks import Finding
from infrastructure.aws.package import build
from infrastructure.local.paths import state_folder

_SIGNS = {"ok": "ok     ", "warning": "WARNING", "failed": "FAILED "}
_FAILED = 1


def examine(name: str, *, as_json: bool) -> None:
    """Print what each check of a saved platform finds; exit with 1 where one has failed. Raises PlatformError."""
    findings = [*_of_aws(load_platform(name)), *_of_prefect(name)]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            remedy = f". {finding.remedy}" if finding.remedy else ""
            print(f"{_SIGNS[finding.outcome]} {finding.subject}: {finding.found}{remedy}")
    if any(finding.outcome == "failed" for finding in findings):
        sys.exit(_FAILED)


def _of_aws(platform: Platform) -> Iterator[Finding]:
    if platform.credentials is None or not isinstance(platform.jobs, GlueJob):
        raise PlatformError(
            f"the jobs of the platform with the lake {platform.lake} do not run on AWS Glue, and only such a platform can be "
            "examined. A lake of this machine: churn status"
        )
    credentials = platform.credentials

    def client(service: str) -> object:
        return aws_client(credentials, service)

    yield checks.identity(client("sts"))
    yield checks.bucket(client("s3"), platform.lake, is_versioned=True)
    if platform.raw:
        yield checks.bucket(client("s3"), platform.raw, is_versioned=False)
    yield checks.job(client("glue"), platform.jobs.job_name, _package_digest)
    if platform.catalog:
        yield from (checks.database(client("glue"), platform.catalog.database(layer)) for layer in ("silver", "gold"))
        yield checks.lake_formation(client("lakeformation"))
    if platform.athena:
        yield checks.workgroup(client("athena"), platform.athena.workgroup)
    if platform.arrivals:
        yield checks.queue(client("sqs"), platform.arrivals.queue_url)
    if isinstance(platform.notifier, Topic):
        yield checks.topic(client("sns"), platform.notifier.topic_arn)
    if platform.warehouse and platform.warehouse.secret_arn:
        yield checks.secret(client("secretsmanager"), platform.warehouse.secret_arn)
    if platform.warehouse:
        yield checks.network_path(platform.warehouse.host, platform.warehouse.port)


def _package_digest() -> str:
    return build(state_folder() / "package").digest


def _of_prefect(name: str) -> Iterator[Finding]:
    """Whether something there runs what is scheduled."""
    pool, subject = f"churn-{name}", f"work pool churn-{name}"
    deployed = filters.DeploymentFilter(tags=filters.DeploymentFilterTags(all_=[pool]))
    with get_client(sync_client=True) as client:
        try:
            found = client.read_work_pool(pool)
        except ObjectNotFound:
            yield Finding(subject, "failed", "not there", f"prefect work-pool create {pool} --type process")
            return
        status = found.status.value if found.status else "unknown"
        is_ready = status == "READY" and not found.is_paused
        remedy = "" if is_ready else f"start a worker: churn deploy --worker, or prefect worker start --pool {pool}"
        yield Finding(subject, "ok" if is_ready else "failed", "paused" if found.is_paused else status.lower(), remedy)
        deployments = client.read_deployments(deployment_filter=deployed)
    if deployments:
        yield Finding("deployments", "ok", f"{len(deployments)} with the tag {pool}")
    else:
        yield Finding("deployments", "failed", f"none with the tag {pool}", f"prefect --no-prompt deploy --name {name}")
