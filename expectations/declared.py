"""Expectations that follow from a column's declaration."""

import great_expectations.expectations as gxe

from contract.schema import Field


def has_known_values(field: Field) -> gxe.ExpectColumnValuesToBeInSet:
    """Return that a column has its declared values only."""
    return gxe.ExpectColumnValuesToBeInSet(column=field.name, value_set=list(field.values), severity="critical")


def is_within_bounds(field: Field) -> gxe.ExpectColumnValuesToBeBetween:
    """Return that a number is within its declared bounds."""
    lowest, highest = field.bounds
    return gxe.ExpectColumnValuesToBeBetween(
        column=field.name, min_value=lowest, max_value=highest, severity="critical"
    )
