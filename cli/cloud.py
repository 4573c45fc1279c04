"""`churn package`, `churn deploy` and `churn destroy`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from local.home import state_folder
from transforms.errors import PlatformError

if TYPE_CHECKING:
    from prefect.blocks.core import Block
    from prefect_aws import AwsCredentials

    from blocks.platform import Platform

AnyBlock = TypeVar("AnyBlock", bound="Block")


def build_package(out: Path) -> None:
    from infrastructure.package import build

    package = build(out)
    for path in (package.script, package.library):
        print(f"{path} ({path.stat().st_size:,} bytes)")
    print(f"--additional-python-modules {package.modules}")


def deploy_stack(
    stack: str, region: str | None, parameters: list[str], block: str, *, dry_run: bool, is_sure: bool
) -> None:
    if not dry_run:
        use_prefect()
    from infrastructure.deploy import deploy, describe
    from infrastructure.package import build
    from infrastructure.stack import Stack

    chosen = _parsed(parameters)
    out = state_folder() / "package"
    if dry_run:
        for line in describe({**build(out).parameters, **chosen}):
            print(line)
        print(f"Nothing was changed. To deploy: churn deploy --stack {stack}")
        return
    credentials = _credentials(region)
    platform = deploy(
        Stack(stack, credentials), credentials, chosen, out, lambda text: is_sure or typer.confirm(text), _tell
    )
    if platform is None:
        print("Nothing was changed.")
        return
    platform.save(block, overwrite=True)
    print(f"Saved the block churn-platform/{block}. Next: churn run --platform {block}")


def destroy_stack(stack: str, region: str | None, *, delete_data: bool, confirmed: str, is_sure: bool) -> None:
    from infrastructure.deploy import destroy
    from infrastructure.stack import Stack

    if delete_data and confirmed != stack:
        raise PlatformError(
            f"--delete-data removes every raw file and table of {stack} for ever. "
            f"If that is meant, say it twice: --delete-data --confirm {stack}"
        )
    if not (is_sure or typer.confirm(f"Delete the stack {stack}?")):
        print("Nothing was changed.")
        return
    credentials = _credentials(region)
    destroy(Stack(stack, credentials), credentials, _tell, delete_data=delete_data)


def load_platform(name: str) -> "Platform":
    """A saved platform. Raises PlatformError."""
    use_prefect()
    from blocks.platform import Platform

    return load_block(Platform, name, f"Make it with: churn deploy --block {name}")


def load_block(kind: "type[AnyBlock]", name: str, remedy: str) -> "AnyBlock":
    """A saved block. Raises PlatformError with the remedy."""
    try:
        found = kind.load(name)
    except ValueError as error:
        raise PlatformError(f"there is no block {kind.get_block_type_slug()}/{name}. {remedy}") from error
    assert isinstance(found, kind)
    return found


def platform_named(name: str | None) -> "Platform":
    """A saved platform, or this machine where none is named."""
    return load_platform(name) if name else local_platform()


def local_platform() -> "Platform":
    """The platform of this machine, its warehouse started."""
    from blocks.platform import Platform
    from local.services import WAREHOUSE, start, wait_until_ready

    start(WAREHOUSE)
    wait_until_ready(WAREHOUSE)
    return Platform.local()


def use_prefect() -> str:
    """Point Prefect's client at the server that PREFECT_API_URL names, else at this machine's; its address.

    To be called before Prefect is imported: it reads its settings then, and not again.
    """
    from local.services import HOST, PREFECT, prefect_environment, start, wait_until_ready

    given = os.environ.get("PREFECT_API_URL")
    if given:
        return given.removesuffix("/api")
    os.environ.update(prefect_environment(start(PREFECT)))
    return f"http://{HOST}:{wait_until_ready(PREFECT)}"


def _credentials(region: str | None) -> "AwsCredentials":
    from prefect_aws import AwsCredentials

    return AwsCredentials(region_name=region)


def _parsed(parameters: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in parameters]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is not NAME=VALUE", param_hint="--parameter")
    return {name: value for name, _, value in pairs}


def _tell(line: str) -> None:
    print(line, flush=True)
