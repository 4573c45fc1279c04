"""Deploying again: a saved platform takes what the stack changes, and keeps what a user has changed."""

import json
from collections.abc import Mapping
from typing import Any

from prefect.blocks.core import Block
from pydantic_core import to_jsonable_python

from blocks.platform import Platform

_RECORD = "deployed"
# What release 0.1.0, which kept no record, always wrote from the stack.
_FIRST_RELEASE = (
    "lake",
    "raw",
    "jobs.job_name",
    "jobs.workers_by_job",  # not there yet
    "catalog.prefix",
    "athena.workgroup",
    "crawlers",
    "arrivals.queue_url",
    "metrics",
)
_WAREHOUSE = tuple(
    f"warehouse.{name}"
    for name in (
        *("host", "database", "secret_arn", "schema_name", "iam_role"),
        *("workgroup", "query_route", "reader_secret_arn"),  # without a value, or not there yet
    )
)
_ADMINISTRATOR = "-churn_admin-"  # in the secret of a warehouse that it made


def recorded(platform: Platform) -> Platform:
    """Return a platform made from a stack, with a record of itself: a later difference is a user's change."""
    return platform.model_copy(update={_RECORD: fields(platform)})


def merged(existing: Platform, from_outputs: Platform) -> tuple[Platform, list[str]]:
    """Return the saved platform with what the stack has changed since it was deployed, and a line per difference.

    A field is replaced where it is as the last deployment has written it. Anything else is a user's, and kept: so is a
    block that the platform refers to by its own name. A line starts with "changed" or "kept"; no line shows a secret.
    """
    written = _written_before(existing)
    result, lines = _merged(existing, from_outputs, written, "")
    assert isinstance(result, Platform)
    return result.model_copy(update={_RECORD: fields(from_outputs)}), lines


def fields(value: Any, place: str = "") -> dict[str, str]:
    """Return every field of a block and of the blocks in it as JSON, by its place, e.g. jobs.job_name; secrets are masked."""
    if not isinstance(value, Block):
        return {place: json.dumps(to_jsonable_python(value), sort_keys=True)}
    prefix = f"{place}." if place else ""
    found: dict[str, str] = {}
    for name in type(value).model_fields:
        if name != _RECORD:
            found |= fields(getattr(value, name), f"{prefix}{name}")
    return found


def _merged(mine: Block, theirs: Block, written: Mapping[str, str], prefix: str) -> tuple[Block, list[str]]:
    changes: dict[str, Any] = {}
    lines: list[str] = []
    for name in type(theirs).model_fields:
        place, present, new = f"{prefix}{name}", getattr(mine, name), getattr(theirs, name)
        if name == _RECORD or fields(present, place) == fields(new, place):
            continue
        if isinstance(present, Block) and type(present) is type(new) and not _is_reference(present):
            changes[name], found = _merged(present, new, written, f"{place}.")
            lines += found
        elif _is_untouched(present, place, written):
            changes[name] = new
            lines.append(f"changed {place}: {_shown(present)} -> {_shown(new)}")
        else:
            lines.append(f"kept    {place}: {_shown(present)} (the stack has {_shown(new)})")
    return mine.model_copy(update=changes), lines


def _is_reference(block: Block) -> bool:
    """Whether a block within another is saved under a name of its own."""
    return block._block_document_id is not None  # noqa: SLF001 - Prefect has no public name for it


def _is_untouched(value: Any, place: str, written: Mapping[str, str]) -> bool:
    if isinstance(value, Block) and _is_reference(value):
        return False
    return fields(value, place) == {
        name: text for name, text in written.items() if name == place or name.startswith(f"{place}.")
    }


def _written_before(existing: Platform) -> dict[str, str]:
    """What the last deployment has written; a field that the platform did not have then had its default."""
    if not existing.deployed:
        return _written_by_first_release(existing)
    known = {place.partition(".")[0] for place in existing.deployed}
    added = {name: field for name, field in Platform.model_fields.items() if name not in known | {_RECORD}}
    return existing.deployed | {
        place: text
        for name, field in added.items()
        for place, text in fields(field.get_default(call_default_factory=True), name).items()
    }


def _written_by_first_release(existing: Platform) -> dict[str, str]:
    is_its_warehouse = existing.warehouse is not None and _ADMINISTRATOR in existing.warehouse.secret_arn
    names = (*_FIRST_RELEASE, *(_WAREHOUSE if is_its_warehouse else ()))
    return {name: text for name, text in fields(existing).items() if name in names}


def _shown(value: Any) -> str:
    """A value for people: a block by its kind."""
    return type(value).__name__ if isinstance(value, Block) else json.dumps(to_jsonable_python(value))
