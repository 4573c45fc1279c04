"""Names of a deployment: the stack's name is in all of them."""

import re

from contract.errors import PlatformError

# Redshift takes lower case only, databases are named with underscores for the hyphens, and suffixes need room.
_STACK_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 40


def check_stack_name(name: str) -> None:
    """Raise PlatformError for a stack name from which not every resource can be named."""
    if not _STACK_NAME.fullmatch(name) or not 3 <= len(name) <= _LONGEST:
        raise PlatformError(
            f"{name!r} cannot name a stack: use 3 to {_LONGEST} lower-case letters and digits, with single hyphens "
            "between them, e.g. churn-staging"
        )
