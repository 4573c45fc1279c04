"""How a table's columns are declared. Types are Spark SQL's, as text, so that no reader needs Spark."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

DEFAULT_MAX_BYTES = 256

Bounds = tuple[float | None, float | None]
"""Inclusive limits of a number; None where there is none."""

UNBOUNDED: Bounds = (None, None)

Sensitivity = Literal["restricted", "confidential", "internal"]
"""Restricted tells who a customer is, alone or with little else; confidential says something of one; internal of none."""


@dataclass(frozen=True)
class Field:
    """A column of a table.

    `type` is Spark SQL's, e.g. `decimal(10,2)`; `comment` gives meaning and unit; `max_bytes` limits a string
    in the warehouse. `values` are the allowed ones, any where it is empty; `may_grow` says that readers select rows by
    them, so that further ones disturb nobody.
    """

    name: str
    type: str
    comment: str
    nullable: bool = True
    max_bytes: int = DEFAULT_MAX_BYTES
    unit: str = ""
    values: tuple[str | int, ...] = ()
    may_grow: bool = False
    bounds: Bounds = UNBOUNDED
    sensitivity: Sensitivity = "internal"

    @property
    def is_decimal(self) -> bool:
        """Return whether the type is a decimal."""
        return decimal_size(self.type) is not None


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order."""

    fields: tuple[Field, ...]

    @property
    def names(self) -> list[str]:
        """Return the names of the columns, in order."""
        return [field.name for field in self.fields]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __getitem__(self, name: str) -> Field:
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


def decimal_size(kind: str) -> tuple[int, int] | None:
    """Return precision and scale of a decimal type, e.g. of `decimal(10,2)`; None for any other type."""
    if not kind.startswith("decimal("):
        return None
    precision, scale = kind.removeprefix("decimal(").removesuffix(")").split(",")
    return int(precision), int(scale)


required = partial(Field, nullable=False)
"""A column that is never null."""
