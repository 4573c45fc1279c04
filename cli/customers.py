"""Which customers `churn forget` is about, and whose erasure it lifts."""

from collections.abc import Sequence
from pathlib import Path

import typer

from contract.errors import LakeError
from lake.erasure.ids import CustomerIds, read_ids
from lake.erasure.register import ErasureRegister
from lake.erasure.request import ErasureRequest
from lake.storage import Folder


def customer_ids(given: Sequence[str], file: Path | None, *, is_sure: bool) -> list[str]:
    """Return the ids that are given and those of a file, one a line, after a question. Raises LakeError."""
    found = [*given, *(read_ids(str(file)) if file else ())]
    count = len(CustomerIds.of(found))
    if not count:
        raise LakeError("name customers by their ids, or give a list with --file")
    if not is_sure:
        typer.confirm(f"Erase {count:,} customers for good, also from earlier versions and raw files?", abort=True)
    return found


def lift(lake: Folder, ids: Sequence[str]) -> None:
    """Let later deliveries of customers count again, and no run erase them; print of how many. Raises LakeError."""
    withdrawn = ErasureRequest(lake).withdraw(ids)
    if withdrawn:
        print(f"{withdrawn:,} customers taken out of the erasure that the next run was asked for")
    lifted = ErasureRegister(lake).lift(CustomerIds.of(ids).ids)
    print(f"{lifted:,} erasures lifted: what is delivered of these customers from now on counts")
