"""Which platform a command works on. Prefect must be connected before: see `cli.startup`."""

from pathlib import Path
from typing import TypeVar

from prefect.blocks.core import Block

from blocks.platform import Platform
from cli.lakes import RawAndLake
from contract.errors import PlatformError, QueryError, RawPathError
from infrastructure.local.services import WAREHOUSE, start, wait_until_ready
from lake.storage import Folder

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


def raw_place(name: str, platform: Platform, raw: str | None) -> str:
    """Return where the raw files of a platform saved as `name` are, unless `raw` says it. Raises RawPathError."""
    place = raw or platform.raw
    if not place:
        raise RawPathError(f"the platform {name} names no place of raw files. Give --raw s3://bucket/prefix")
    return place


def platform_lake(name: str) -> Folder:
    """Return the lake of a saved platform. Raises PlatformError."""
    return load_platform(name).folder()


def local_lake_of(name: str) -> Path:
    """Return the lake of a saved platform on this machine. Raises PlatformError, QueryError where the lake is on S3."""
    lake = load_platform(name).lake
    if "://" in lake:
        raise QueryError(
            f"this command reads the files of a lake on this machine, not yet those of {lake}. Ask for the rows of single tables, "
            f"with: churn query --platform {name} \"SELECT * FROM silver.customers WHERE customer_id = '…'\""
        )
    return Path(lake)


def platform_raw_and_lake(name: str, raw: str | None) -> RawAndLake:
    """Return the places of a saved platform, or another one for raw files. Raises PlatformError, RawPathError."""
    platform = load_platform(name)
    return RawAndLake(raw_place(name, platform, raw), platform.folder(), platform.s3_client())


def platform_or_local(name: str | None) -> Platform:
    """Return a saved platform, or that of this machine, its warehouse started, where none is named."""
    if name:
        return load_platform(name)
    start(WAREHOUSE)
    wait_until_ready(WAREHOUSE)
    return Platform.local()
