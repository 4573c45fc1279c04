"""What a deployment would change, stack by stack."""

from collections.abc import Mapping
from pathlib import Path

from infrastructure.aws.deploy import Client, Log, prepare
from infrastructure.aws.stack import Stack
from infrastructure.aws.stacks import Stacks
from infrastructure.aws.worker import PrefectAccess, worker_parameters, worker_source


def preview(
    stacks: Stacks,
    client: Client,
    parameters: Mapping[str, str],
    out: Path,
    log: Log,
    *,
    access: PrefectAccess | None = None,
    expected: str = "",
) -> None:
    """Log what `deploy` would change with these arguments; nothing is uploaded, built or changed.

    What a stack takes from one that is not there yet cannot be planned: that is said. Raises PlatformError.
    """
    release = prepare(stacks, client, parameters, out, log, access=access, expected=expected)
    network: dict[str, str] | None = {}
    if release.is_own_network:
        network = _shown(stacks.network, parameters, log)
    lakehouse = None
    if network is not None:
        lakehouse = _shown(stacks.lakehouse, {**network, **release.package.parameters, **parameters}, log)
    if network is None or lakehouse is None:
        log("the stacks after a new one are planned when it is there")
        return
    if release.has_worker:
        subnets = network.get("SubnetIds") or release.chosen["SubnetIds"]
        image = {"ImageTag": worker_source(stacks.worker, parameters, out).tag}
        _shown(stacks.worker, worker_parameters(access, lakehouse, subnets, parameters) | image, log)
    _shown(stacks.operations, release.for_operations(lakehouse, parameters), log)


def _shown(stack: Stack, parameters: Mapping[str, str], log: Log) -> dict[str, str] | None:
    """Log the changes of a stack; return its outputs as they are now, None where it is new."""
    is_new = not stack.exists()
    if missing := stack.missing(parameters):
        log(f"{stack.name} takes {', '.join(missing)} from the lakehouse as it will be: it is planned after that")
        return None
    plan = stack.plan({name: value for name, value in parameters.items() if name in stack.declared})
    stack.discard(plan)
    for line in plan.changes or ("no changes",):
        log(f"{stack.name}: {line}")
    return None if is_new else stack.outputs()
