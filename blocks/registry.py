"""Every block type of the platform."""

import inspect
from collections.abc import Iterator
from importlib import import_module

from prefect.blocks.core import Block

from blocks import MODULES


def block_types() -> Iterator[type[Block]]:
    """Yield every block class of the platform."""
    for name in MODULES:
        module = import_module(f"blocks.{name}")
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, Block) and found.__module__ == module.__name__ and "[" not in found.__name__:
                yield found


def register_blocks() -> int:
    """Register every block type of the platform with Prefect; return how many there are."""
    found = list(block_types())
    for block in found:
        block.register_type_and_schema()
    return len(found)
