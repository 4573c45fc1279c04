"""What of an erasure only the account may read that has written it."""

from collections.abc import Iterator
from contextlib import contextmanager

from contract.errors import LakeError


@contextmanager
def readable_by_owner(place: str) -> Iterator[None]:
    """Raise LakeError, which names `place`, for a file in it that another account has written."""
    try:
        yield
    except PermissionError:
        raise LakeError(
            f"{place} can be read by the account only that has written it. Run as that account, or give this one its files: "
            "chown"
        ) from None
