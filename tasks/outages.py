"""A run goes on without an external service that fails, and says at its end what is missing."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from contract.errors import NotifyError, OutageError, PlatformError, WarehouseError
from contract.log import LOGGER

WAREHOUSE = "the warehouse"
"""What is missing where the warehouse fails."""

P = ParamSpec("P")
T = TypeVar("T")

# TimeoutError is a task that was given up waiting for a service, OutageError a run that went on without one.
_OUTAGES = (NotifyError, OutageError, PlatformError, WarehouseError, TimeoutError)


class Outages:
    """What a run could not do because an external service failed, by what is missing for it."""

    def __init__(self) -> None:
        self._missing: dict[str, str] = {}

    @property
    def missing(self) -> tuple[str, ...]:
        """Return what is missing by now."""
        return tuple(self._missing)

    def attempt(self, what: str, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Return what `step` returns, None where an external service failed: then `what` is missing.

        It is no longer missing when a later step for it succeeds. Errors of the lake and of its jobs are raised.
        """
        try:
            result = step(*args, **kwargs)
        except _OUTAGES as error:
            LOGGER.error("%s: %s. The run goes on without it", what, error)
            self._missing[what] = str(error)
            return None
        self._missing.pop(what, None)
        return result

    def raise_if_any(self) -> None:
        """Raise OutageError where something is missing."""
        if self._missing:
            reasons = "; ".join(f"{what} ({error})" for what, error in self._missing.items())
            raise OutageError(f"missing: {reasons}. Everything else is done, and the next run does what is missing")
