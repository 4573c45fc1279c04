"""Which platform a command works on. Prefect must be connected before: see `cli.startup`."""

from typing import TypeVar

from prefect.blocks.core import Block

from blocks.platform import Platform
from contract.errors import PlatformError
from infrastructure.local.services import WAREHOUSE, start, wait_until_ready

AnyBlock = TypeVar("AnyBlock", bound=Block)


def load_platform(name: str) -> Platform:
    """Return a saved platform. Raises PlatformError."""
    return load_block(Platform, name, f"Create it with: churn deploy --block {name}")


def load_block(kind: type[AnyBlock], name: str, remedy: str) -> AnyBlock:
    """Return a saved block. Raises PlatformError with the remedy."""
    try:
        found = kind.load(name)
    except ValueError as error:
        raise PlatformError(f"there is no block {kind.get_block_type_slug()}/{name}. {remedy}") from error
    assert isinstance(found, kind)
    return found


def platform_or_local(name: str | None) -> Platform:
    """Return a saved platform, or that of this machine, its warehouse started, where none is named."""
    if name:
        return load_platform(name)
    start(WAREHOUSE)
    wait_until_ready(WAREHOUSE)
    return Platform.local()
