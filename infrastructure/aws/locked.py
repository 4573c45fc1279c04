"""The lock file, cut down to what a part of the project needs: every version pinned, every file known by its hash."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_PACKAGES = Path(__file__).resolve().parents[2]
_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==")
# Where the part runs, whatever this machine is.
_LINUX = {
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "os_name": "posix",
    "extra": "",
}


def lock_file() -> Path:
    """Return the lock file: of an installed package, or of the checkout."""
    packaged = Path(__file__).with_name("requirements.lock")
    return packaged if packaged.exists() else _PACKAGES / "requirements.lock"


def needed(
    names: Sequence[str], *, without: Collection[str] = (), present: Mapping[str, str] | None = None
) -> set[str]:
    """Return the normalized names of packages and of everything that they need, except of `without` and what only that needs.

    `present` are versions by normalized name: a requirement that one of these fulfils needs nothing.
    """
    found: set[str] = set()
    waiting: list[tuple[str, str]] = [(name, "") for name in names]
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        found.add(name)
        declared = (one for one in _requirements(name, extra) if not _is_fulfilled(one, present or {}))
        new = {each for one in declared for each in _wanted(one) if each[0] not in without} - seen
        seen |= new
        waiting += new
    return found


def locked(names: Collection[str]) -> str:
    """Return the entries of the lock file with these normalized names, as a requirements file with hashes."""
    return "".join(entry for name, entry in _entries() if name in names)


def _requirements(name: str, extra: str) -> Iterator[Requirement]:
    """What a package, or an extra of it, declares that it needs there."""
    try:
        declared = [Requirement(text) for text in requires(name) or ()]
    except PackageNotFoundError:  # of another system than this one
        return
    yield from (one for one in declared if one.marker is None or one.marker.evaluate(_LINUX | {"extra": extra}))


def _is_fulfilled(requirement: Requirement, present: Mapping[str, str]) -> bool:
    version = present.get(canonicalize_name(requirement.name))
    return version is not None and requirement.specifier.contains(version)


def _wanted(requirement: Requirement) -> Iterator[tuple[str, str]]:
    """A name and an extra each, the empty one for the package alone."""
    yield from ((canonicalize_name(requirement.name), extra) for extra in ("", *requirement.extras))


def _entries() -> Iterator[tuple[str, str]]:
    lines: list[str] = []
    for line in [*lock_file().read_text(encoding="utf-8").splitlines(keepends=True), ""]:
        if lines and not line.startswith(" "):
            yield _entry_name(lines[0]), "".join(lines)
            lines = []
        if line and not line.startswith("#"):
            lines.append(line)


def _entry_name(line: str) -> str:
    found = _ENTRY.match(line)
    assert found, line
    return canonicalize_name(found["name"])
