"""The stacks of one deployment, and the parameters that their templates have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from contract.errors import PlatformError
from infrastructure.aws.glue_workers import parse_workers
from infrastructure.aws.stack import (
    NETWORK_TEMPLATE,
    OPERATIONS_TEMPLATE,
    TEMPLATE,
    WORKER_TEMPLATE,
    Stack,
    read_template,
)

_FLEX_WORKERS = ("G.1X", "G.2X")
TEMPLATES = (NETWORK_TEMPLATE, TEMPLATE, WORKER_TEMPLATE, OPERATIONS_TEMPLATE)


@dataclass(frozen=True)
class Stacks:
    """The stacks of one environment, in the order in which they are created (ADR 21)."""

    network: Stack
    lakehouse: Stack
    worker: Stack
    operations: Stack

    @classmethod
    def named(cls, name: str, cloudformation: Any, **options: Any) -> Self:
        """Return the stacks of the environment `name`; `options` are those of `Stack`."""
        beside = {"cloudformation": cloudformation, "environment": name, **options}
        return cls(
            network=Stack(f"{name}-network", template=NETWORK_TEMPLATE, **beside),
            lakehouse=Stack(name, cloudformation, **options),
            worker=Stack(f"{name}-worker", template=WORKER_TEMPLATE, **beside),
            operations=Stack(f"{name}-operations", template=OPERATIONS_TEMPLATE, **beside),
        )


def default_parameters() -> dict[str, str]:
    """Return every parameter of the templates with its default, empty where it has none."""
    return {
        name: str(declared.get("Default", ""))
        for path in TEMPLATES
        for name, declared in read_template(path)["Parameters"].items()
    }


def check_parameters(parameters: Mapping[str, str]) -> None:
    """Raise PlatformError for a parameter that no template has, before anything is started."""
    known = default_parameters()
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise PlatformError(f"the templates have no parameter {', '.join(unknown)}. They have: {', '.join(known)}")


def check_values(chosen: Mapping[str, str]) -> None:
    """Raise PlatformError for values that do not fit each other: AWS refuses them in the middle of a creation."""
    faults = [fault for fits, fault in _fits(chosen) if not fits]
    if faults:
        raise PlatformError("these parameters do not fit each other: " + "; ".join(faults))


def _fits(chosen: Mapping[str, str]) -> Iterator[tuple[bool, str]]:
    archive, retention = _number(chosen, "RawArchiveDays"), _number(chosen, "RawRetentionDays")
    base, most = _number(chosen, "RedshiftBaseCapacity"), _number(chosen, "RedshiftMaxCapacity")
    kind = chosen["GlueExecutionClass"]
    by_job = {each.worker_type for each in parse_workers(chosen["GlueJobWorkers"]).values()}
    yield retention == 0 or retention > archive, f"RawRetentionDays={retention} is not above RawArchiveDays={archive}"
    yield base <= most, f"RedshiftBaseCapacity={base} is above RedshiftMaxCapacity={most}"
    for workers in sorted({chosen["GlueWorkerType"], *by_job}):
        yield kind != "FLEX" or workers in _FLEX_WORKERS, f"GlueExecutionClass=FLEX takes no workers {workers}"


def _number(chosen: Mapping[str, str], name: str) -> int:
    if not chosen[name].isdecimal():
        raise PlatformError(f"the parameter {name} is a whole number, and {chosen[name]!r} is none")
    return int(chosen[name])


def describe(parameters: Mapping[str, str]) -> list[str]:
    """Return a line per parameter and resource of the templates with `parameters`; needs no account. Raises PlatformError."""
    check_parameters(parameters)
    lines = [f"parameter {name} = {value}" for name, value in (default_parameters() | dict(parameters)).items()]
    resources = [entry for path in TEMPLATES for entry in read_template(path)["Resources"].items()]
    return lines + [f"resource  {name} ({declared['Type']})" for name, declared in resources]
