"""Blocks that an earlier release has saved."""

from typing import Any


def renamed(given: Any, **names: str) -> Any:
    """Return the fields that a block is made from, with those of old names (old="new") under their new ones."""
    if not isinstance(given, dict):
        return given
    return {names.get(name, name): value for name, value in given.items()}
