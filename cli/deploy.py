"""`churn deploy` and `churn destroy`."""

from collections.abc import Mapping
from functools import partial

import typer
from prefect.settings import get_current_settings
from prefect_aws import AwsCredentials
from pydantic import ValidationError

from blocks.aws import aws_client
from blocks.platform import Platform
from blocks.redeployed import merged, recorded
from blocks.stack_outputs import platform_from_outputs
from contract.errors import PlatformError
from infrastructure.aws.deploy import deploy
from infrastructure.aws.destroy import destroy
from infrastructure.aws.preview import preview
from infrastructure.aws.stacks import Stacks
from infrastructure.aws.worker import PrefectAccess
from infrastructure.local.paths import state_folder


def deploy_stack(
    stack: str,
    region: str | None,
    parameters: dict[str, str],
    block: str,
    *,
    with_worker: bool,
    expected: str,
    plan: bool,
    is_sure: bool,
) -> None:
    """Build, upload, create or update the stacks, and save the Platform block. Raises PlatformError.

    `expected` is the digest that the package must have; with `plan` the changes of every stack are shown, and none is made.
    """
    credentials = AwsCredentials(region_name=region)
    stacks, client = Stacks.named(stack, aws_client(credentials, "cloudformation")), partial(aws_client, credentials)
    given = {"PlatformBlock": block, **parameters} if with_worker else parameters
    out, access = state_folder() / "package", _prefect_access() if with_worker else None
    if plan:
        preview(stacks, client, given, out, _log, access=access, expected=expected)
        return

    def save(outputs: Mapping[str, str]) -> None:
        save_platform(platform_from_outputs(outputs, credentials), block)
        _log(f"saved the block churn-platform/{block}")

    def confirm(question: str) -> bool:
        return is_sure or typer.confirm(question)

    outputs = deploy(stacks, client, given, out, confirm, _log, save=save, access=access, expected=expected)
    if outputs is None:
        print("Nothing was changed.")
        return
    print(f"Raw files arrive below {outputs['Raw']}. Next: churn run --platform {block}")


def _prefect_access() -> PrefectAccess:
    """The Prefect that this machine uses, for the worker too."""
    api = get_current_settings().api
    if api.key is not None:
        return PrefectAccess(api.url or "", "PREFECT_API_KEY", api.key.get_secret_value())
    if api.auth_string is not None:
        return PrefectAccess(api.url or "", "PREFECT_API_AUTH_STRING", api.auth_string.get_secret_value())
    return PrefectAccess(api.url or "")


def save_platform(deployed: Platform, block: str) -> None:
    """Save a platform; what a user has changed in the saved one stays, and is shown. Raises PlatformError."""
    try:
        existing = Platform.load(block)
    except ValidationError as error:
        raise PlatformError(
            f"the block churn-platform/{block} cannot be read, so its settings cannot be kept: correct or delete it, or "
            f"choose another name with --block ({error.error_count()} fields are wrong)"
        ) from error
    except ValueError:  # there is none
        recorded(deployed).save(block)
        return
    assert isinstance(existing, Platform)
    platform, differences = merged(existing, deployed)
    for line in differences:
        _log(line)
    platform.save(block, overwrite=True)


def destroy_stack(stack: str, region: str | None, *, delete_data: bool, confirmed: str, is_sure: bool) -> None:
    """Delete the stack, with its data only when that is confirmed by name. Raises PlatformError."""
    if delete_data and confirmed != stack:
        raise PlatformError(
            f"--delete-data permanently deletes every raw file and table of {stack}, the warehouse and the key. "
            f"To confirm, repeat the stack name: --delete-data --confirm {stack}"
        )
    if not (is_sure or typer.confirm(f"Delete the stack {stack}?")):
        print("Nothing was changed.")
        return
    credentials = AwsCredentials(region_name=region)
    stacks = Stacks.named(stack, aws_client(credentials, "cloudformation"))
    destroy(stacks, partial(aws_client, credentials), _log, delete_data=delete_data)


def _log(line: str) -> None:
    print(line, flush=True)
