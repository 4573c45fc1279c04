"""Which sources a process runs: an orchestrator and the Glue script that it starts must have the same."""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

_PACKAGES = ("contract", "expectations", "jobs", "lake", "transforms")
"""What the Glue script consists of (see `infrastructure/aws/package.py`)."""


@cache
def source_version() -> str:
    """Return a hash of the script's sources, 12 hexadecimal digits: the same in a checkout, an installed wheel and a zip."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for name, content in _sources(files(package), package):
            digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _sources(item, f"{name}/{item.name}")
        elif item.name.endswith(".py"):
            yield f"{name}/{item.name}", item.read_bytes()
