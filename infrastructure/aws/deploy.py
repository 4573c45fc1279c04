"""Create or update the stacks with the package that they run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.errors import PlatformError
from infrastructure.aws.calls import aws_errors_as
from infrastructure.aws.naming import check_stack_name
from infrastructure.aws.network import check_network
from infrastructure.aws.package import GluePackage, build
from infrastructure.aws.settings import keep_logs, limit_usage
from infrastructure.aws.stack import Stack
from infrastructure.aws.stacks import Stacks, check_parameters, check_values, default_parameters
from infrastructure.aws.warehouse_users import ensure_users
from infrastructure.aws.wheels import collect
from infrastructure.aws.worker import PrefectAccess, check_access, deploy_worker

_ABSENT = {"WarehouseWorkgroup": ""}  # an output that not every lakehouse has
_NETWORK = ("VpcId", "SubnetIds", "SecurityGroupIds")
Client = Callable[[str], Any]
Log = Callable[[str], None]
Confirm = Callable[[str], bool]
Save = Callable[[Mapping[str, str]], None]


@dataclass(frozen=True)
class Release:
    """What is deployed: the package, the lakehouse's parameters `before`, all `chosen` ones, and which stacks there are."""

    package: GluePackage
    before: Mapping[str, str]
    chosen: Mapping[str, str]
    is_update: bool
    is_own_network: bool
    has_worker: bool

    def for_operations(self, outputs: Mapping[str, str], parameters: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters of the operations; those that the lakehouse had, and they have now, keep their values."""
        return {**_ABSENT, **self.before, **outputs, **parameters}


def deploy(
    stacks: Stacks,
    client: Client,
    parameters: Mapping[str, str],
    out: Path,
    confirm: Confirm,
    log: Log,
    *,
    save: Save = lambda _: None,
    access: PrefectAccess | None = None,
    expected: str = "",
) -> dict[str, str] | None:
    """Build, upload, and create or update the stacks, each through a change set that is shown first.

    Returns the outputs of the lakehouse, None when `confirm` says no to changes. `client` gives the boto3 client of a
    service by its name, `log` gets a line of progress at a time. `save` gets the outputs of the lakehouse before a worker
    starts, which finds its platform by what is saved. A worker is created where there is `access` to Prefect for
    it; one that is there already is kept up to date. `expected` is the digest that the package must have, where it is given.
    Raises PlatformError.
    """
    release = prepare(stacks, client, parameters, out, log, access=access, expected=expected)
    package = release.package
    wheels = collect(package.wheels, out, log)
    network: dict[str, str] = {}
    if release.is_own_network:
        if not _change(stacks.network, parameters, confirm, log):
            return None
        network = stacks.network.outputs()
    # A stack that is there gets its files first: no run may find the job's new keys empty.
    if release.is_update:
        upload(package, wheels, client("s3"), stacks.lakehouse.outputs()["ArtifactBucketName"], log)
    if not _change(stacks.lakehouse, {**network, **package.parameters, **parameters}, confirm, log):
        return None
    outputs = stacks.lakehouse.outputs()
    upload(package, wheels, client("s3"), outputs["ArtifactBucketName"], log)
    _apply_settings(client, outputs, log)
    save(outputs)

    def change(stack: Stack, wanted: Mapping[str, str]) -> bool:
        return _change(stack, wanted, confirm, log)

    subnets = network.get("SubnetIds") or release.chosen["SubnetIds"]
    if not deploy_worker(stacks.worker, client, access, outputs, subnets, parameters, out, change, log):
        log(f"the stack {stacks.worker.name} was left as it is")
    if not _change(stacks.operations, release.for_operations(outputs, parameters), confirm, log):
        log(f"the stack {stacks.operations.name} was left as it is")
    return outputs


def prepare(
    stacks: Stacks,
    client: Client,
    parameters: Mapping[str, str],
    out: Path,
    log: Log,
    *,
    access: PrefectAccess | None,
    expected: str,
) -> Release:
    """Build the package and check what was given, as `deploy` does before it changes anything. Raises PlatformError."""
    check_stack_name(stacks.lakehouse.name)
    check_parameters(parameters)
    is_update, before = stacks.lakehouse.exists(), stacks.lakehouse.parameters()
    chosen = default_parameters() | stacks.network.parameters() | before | dict(parameters)
    check_values(chosen)
    _check_given_network(client, parameters, chosen)
    has_worker = access is not None or stacks.worker.exists()
    is_own_network = _makes_network(stacks, parameters, chosen, has_worker=has_worker)
    if access is not None:
        check_access(access, chosen["WorkerAccess"], is_own_network=is_own_network)
    package = build(out)
    if expected not in ("", package.digest):
        raise PlatformError(
            f"these sources make the package {package.digest}, and {expected} is expected: check out what was deployed before"
        )
    log(f"built {package.library} ({package.library.stat().st_size:,} bytes), version {package.digest}")
    return Release(package, before, chosen, is_update, is_own_network, has_worker)


def _apply_settings(client: Client, outputs: Mapping[str, str], log: Log) -> None:
    """What CloudFormation cannot set."""
    if "WarehouseWorkgroupArn" in outputs:
        if done := limit_usage(client("redshift-serverless"), outputs):
            log(done)
        ensure_users(client, outputs, log)
    for line in keep_logs(client("logs"), outputs):
        log(line)


def _makes_network(stacks: Stacks, given: Mapping[str, str], chosen: Mapping[str, str], *, has_worker: bool) -> bool:
    """Whether the network is the stack's own: warehouse and worker need one, and no other was named now or before."""
    if given.get("VpcId") or not (has_worker or chosen["CreateRedshift"] == "true"):
        return False
    return not chosen["VpcId"] or stacks.network.exists()


def _check_given_network(client: Client, given: Mapping[str, str], chosen: Mapping[str, str]) -> None:
    """Check a network that is named now. What a stack has already holds its addresses, and cannot be counted again."""
    if chosen["CreateRedshift"] == "true" and any(given.get(name) for name in _NETWORK):
        vpc_id, subnets, groups = (chosen[name] for name in _NETWORK)
        check_network(client("ec2"), vpc_id, subnets, groups, int(chosen["RedshiftBaseCapacity"]))


def _change(stack: Stack, parameters: Mapping[str, str], confirm: Confirm, log: Log) -> bool:
    """Create or update one stack with those parameters that it has; return whether it is as planned."""
    plan = stack.plan({name: value for name, value in parameters.items() if name in stack.declared})
    for change in plan.changes:
        log(change)
    if not plan.changes:
        log(f"the stack {stack.name} is up to date")
        stack.discard(plan)
    elif not confirm(f"Apply these {len(plan.changes)} changes to {stack.name}?"):
        stack.discard(plan)
        return False
    else:
        stack.apply(plan, log)
    return True


def upload(package: GluePackage, wheels: Path, s3: Any, bucket: str, log: Log) -> None:
    """Put the package and the zip of its wheels into the artifact bucket; what is there already is left alone."""
    files = {
        package.script_key: package.script,
        package.library_key: package.library,
        package.wheels.key: wheels,
    }
    with aws_errors_as(f"uploading to s3://{bucket}"):
        for key, path in files.items():
            if s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount"):
                continue
            s3.upload_file(str(path), bucket, key)
            log(f"uploaded s3://{bucket}/{key}")
