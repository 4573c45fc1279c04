"""The templates, parsed and changed: what a test says of one must fail when the template is another."""

import copy
import json
from collections.abc import Sequence
from typing import Any

from infrastructure.aws.stack import TEMPLATE, read_template


def parsed(name: str = TEMPLATE.stem) -> dict[str, Any]:
    """A template as plain values."""
    return json.loads(json.dumps(read_template(TEMPLATE.with_name(f"{name}.yaml"))))


def resources(template: dict[str, Any], kind: str) -> dict[str, Any]:
    """The properties of every resource of a type, by name."""
    return {name: found.get("Properties", {}) for name, found in template["Resources"].items() if found["Type"] == kind}


def spoiled(template: dict[str, Any], path: Sequence[Any], value: Any) -> dict[str, Any]:
    """A copy with another value at a place, with nothing there where the value is None."""
    changed = copy.deepcopy(template)
    place = changed
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed
