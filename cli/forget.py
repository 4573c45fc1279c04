"""`churn forget`: customers out of the lake, its raw files and all that is made from them."""

import sys
from collections.abc import Sequence

from cli.platforms import load_platform
from cli.run import run_locally, run_on_platform
from cli.startup import LocalRun
from infrastructure.local.paths import state_folder
from lake.erasure.ids import CustomerIds
from lake.erasure.receipt import newest_receipt
from lake.erasure.request import ErasureRequest
from lake.storage import Folder, open_folder


def forget_locally(run: LocalRun, began: float, ids: Sequence[str], *, as_json: bool) -> None:
    """Erase customers on this machine, run the pipeline and print the receipt. Raises ChurnError."""
    lake = open_folder(run.lake)
    ErasureRequest(lake).add(ids)
    _clean_state(CustomerIds.of(ids))
    run_locally(run, began, as_json=as_json)
    _show_receipt(lake)


def forget_on_platform(
    name: str, raw: str | None, prefect_url: str, began: float, ids: Sequence[str], *, as_json: bool
) -> None:
    """Erase customers on a saved platform, run its pipeline and print the receipt. Raises ChurnError."""
    lake = load_platform(name).folder()
    ErasureRequest(lake).add(ids)
    run_on_platform(name, raw, prefect_url, began, as_json=as_json)
    _show_receipt(lake)


def _show_receipt(lake: Folder) -> None:
    print(newest_receipt(lake), file=sys.stderr)


def _clean_state(ids: CustomerIds) -> None:
    """Take ids out of what this machine keeps beside the lake: logs keep their length, as they may be open."""
    state = state_folder()
    (state / "dashboard.html").unlink(missing_ok=True)
    for log in (*(state / "logs").glob("*.log"), *(state / "warehouse").glob("*.log")):
        before = after = log.read_bytes()
        for word in map(str.encode, ids.in_text):  # also in what looks like a longer word: logs have escaped texts
            after = after.replace(word, b"x" * len(word))
        if after != before:
            with log.open("r+b") as file:
                file.write(after)
