"""Prefect's worker in the private network: its stack, its login, its image."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contract.errors import PlatformError
from infrastructure.aws.calls import aws_errors_as
from infrastructure.aws.image import ImageSource, build_image, build_source
from infrastructure.aws.stack import Stack
from infrastructure.aws.stacks import default_parameters

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 (addresses that are refused)
_PUBLIC = "prefect.cloud"
NO_LOGIN = "none"
_FROM_LAKEHOUSE = {
    "WorkerSecurityGroup": "ClientSecurityGroup",
    "WorkerSourceBucket": "ArtifactBucketName",
    "WorkerKeyArn": "KeyArn",
    "WorkerAlertsTopic": "AlertsTopic",
    "WorkerLogDays": "LogDays",
    "WorkerRoleBoundary": "RoleBoundary",
}

Client = Callable[[str], Any]
Log = Callable[[str], None]
Change = Callable[[Stack, Mapping[str, str]], bool]


@dataclass(frozen=True)
class PrefectAccess:
    """How a worker reaches Prefect: the API's address, the setting that holds the login, and the login itself."""

    url: str
    setting: str = NO_LOGIN
    secret: str = ""

    def __repr__(self) -> str:
        return f"PrefectAccess({self.url!r}, {self.setting!r})"  # no secret in a log


def check_access(access: PrefectAccess, worker_access: str, *, is_own_network: bool) -> None:
    """Raise PlatformError where a worker in the network cannot reach Prefect's API."""
    host = urlsplit(access.url).hostname or ""
    if host in ("", *_THIS_MACHINE):
        raise PlatformError(
            f"the worker on AWS cannot reach {access.url or 'a Prefect server without an address'}. Use a Prefect that it "
            "reaches: prefect cloud login, or PREFECT_API_URL of your server; then deploy again"
        )
    if is_own_network and worker_access == "none":
        raise PlatformError(
            "WorkerAccess=none leaves the worker no way to its image and to AWS. Deploy with --parameter WorkerAccess=nat; or "
            "WorkerAccess=endpoints, where Prefect's API is inside the network"
        )
    if is_own_network and host.endswith(_PUBLIC) and worker_access != "nat":
        raise PlatformError(
            f"{access.url} is on the internet, and WorkerAccess={worker_access} leads to AWS only. Deploy with "
            "--parameter WorkerAccess=nat"
        )


def deploy_worker(
    stack: Stack,
    client: Client,
    access: PrefectAccess | None,
    lakehouse: Mapping[str, str],
    subnets: str,
    parameters: Mapping[str, str],
    out: Path,
    change: Change,
    log: Log,
) -> bool:
    """Create or update the worker with the image of these sources; without `access`, only one that is there.

    `lakehouse` are the outputs of that stack, `subnets` its network's; `change` plans a stack, asks and applies it. Returns
    whether all is as planned. Raises PlatformError.
    """
    is_there = stack.exists()
    if access is None and not is_there:
        return True
    chosen = worker_parameters(access, lakehouse, subnets, parameters)
    # Before the first image there is only what builds it.
    if not is_there and not change(stack, {**chosen, "ImageTag": ""}):
        return False
    outputs = stack.outputs()
    is_new_login = access is not None and _store_login(client, access, outputs["PrefectSecretArn"], log)
    source = worker_source(stack, parameters, out)
    _upload(client("s3"), source, lakehouse["ArtifactBucketName"], log)
    build_image(client, source, lakehouse["ArtifactBucketName"], outputs, log)
    before = outputs.get("WorkerService")
    if not change(stack, {**chosen, "ImageTag": source.tag}):
        return False
    if is_new_login and before:
        _restart(client("ecs"), stack.outputs(), log)
    return True


def worker_source(stack: Stack, parameters: Mapping[str, str], out: Path) -> ImageSource:
    """Return the source of the image, on the base that was named now or before."""
    return build_source(out, (default_parameters() | stack.parameters() | dict(parameters))["WorkerBaseImage"])


def worker_parameters(
    access: PrefectAccess | None, lakehouse: Mapping[str, str], subnets: str, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Return the parameters of the worker's stack except that of its image: what the lakehouse, Prefect and a user determine."""
    policies = [lakehouse[name] for name in ("OrchestratorPolicyArn", "WarehousePolicyArn") if name in lakehouse]
    login = {} if access is None else {"PrefectApiUrl": access.url, "PrefectLogin": access.setting}
    return {
        "WorkerSubnetIds": subnets,
        "WorkerPolicyArns": ",".join(policies),
        **{name: lakehouse[output] for name, output in _FROM_LAKEHOUSE.items() if output in lakehouse},
        **login,
        **parameters,
    }


def _store_login(client: Client, access: PrefectAccess, arn: str, log: Log) -> bool:
    """Put the login into the stack's secret, and return whether it is another one now."""
    if access.setting == NO_LOGIN:
        return False
    secrets = client("secretsmanager")
    with aws_errors_as("storing the login of Prefect"):
        if secrets.get_secret_value(SecretId=arn)["SecretString"] == access.secret:
            return False
        secrets.put_secret_value(SecretId=arn, SecretString=access.secret)
    log(f"stored the login of {access.url} in {arn}")
    return True


def _upload(s3: Any, source: ImageSource, bucket: str, log: Log) -> None:
    with aws_errors_as(f"uploading to s3://{bucket}"):
        if not s3.list_objects_v2(Bucket=bucket, Prefix=source.key, MaxKeys=1).get("KeyCount"):
            s3.upload_file(str(source.path), bucket, source.key)
            log(f"uploaded s3://{bucket}/{source.key}")


def _restart(ecs: Any, outputs: Mapping[str, str], log: Log) -> None:
    """Start the service's task again: a running one keeps the login that it started with."""
    with aws_errors_as("restarting the worker"):
        ecs.update_service(cluster=outputs["WorkerCluster"], service=outputs["WorkerService"], forceNewDeployment=True)
    log("the worker starts again with the new login")
