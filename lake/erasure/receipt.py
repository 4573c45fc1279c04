"""The receipt of an erasure, for who has asked for it and for who checks it: it names nobody."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace

from lake.documents import Documents
from lake.storage import Folder

NOT_REACHED = (
    "snapshots of the warehouse, and of the disks of this machine: they end by their own retention",
    "results of queries, of Athena or of people: they end by the lifecycle of their bucket",
    "Prefect: its artifact customers-at-risk and its event churn.customers.at_risk list customers of earlier alerts",
    "earlier versions of objects on S3, where a bucket keeps them: they end by its lifecycle",
    "copies, backups and messages that have left the platform: alerts that were sent, pages that were downloaded, extracts of Tableau",
)


@dataclass(frozen=True)
class ErasedTable:
    """What was changed of a table: data files and files of its log, of all versions; rows in the files of the newest version."""

    table: str
    files: int
    log_files: int
    rows: int


@dataclass(frozen=True)
class Receipt:
    """What was erased of `customers`, whose ids are not in it, and how many of them tables had as customer numbers (`found`).

    `raw_rewritten` and `raw_deleted` count the raw files that were to be; `raw_left` are names of raw files, and
    `documents_left` of files beside the tables, that still name a customer. `raw_changed` are raw files that were being
    written, or are other ones than were read: nothing was done to them. `documents_not_searched` are no text. `documents` are those that were changed or deleted, `notes` what else is
    to be known, `not_reached` what no erasure on this platform reaches.
    """

    run_id: str
    at: str
    customers: int
    found: int = 0
    tables: tuple[ErasedTable, ...] = ()
    raw_rewritten: int = 0
    raw_deleted: int = 0
    raw_left: tuple[str, ...] = ()
    raw_changed: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    documents_left: tuple[str, ...] = ()
    documents_not_searched: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    not_reached: tuple[str, ...] = NOT_REACHED

    def lines(self) -> tuple[str, ...]:
        """Return the receipt as lines of text."""
        return tuple(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"Erasure {self.run_id}, {self.at}: {self.customers} customers, {self.found} of them found in tables"
        for table in self.tables:
            yield (
                f"{table.table}: {table.rows} rows in files of the newest version; {table.files} data files and "
                f"{table.log_files} files of the log, of all versions"
            )
        if not self.tables:
            yield "no table names them"
        yield f"raw files: {self.raw_rewritten} rewritten, {self.raw_deleted} deleted"
        yield from (
            f"raw file that still has them, rewrite or remove it at its source: {name}" for name in self.raw_left
        )
        yield from (
            f"raw file that changed meanwhile and was left, forget them again: {name}" for name in self.raw_changed
        )
        yield f"documents: {', '.join(self.documents) or 'none'}"
        yield from (f"still names them: {name}" for name in self.documents_left)
        yield from (f"no text, not looked into: {name}" for name in self.documents_not_searched)
        yield from self.notes
        yield from (f"not reached: {what}" for what in self.not_reached)


def write_receipt(folder: Folder, receipt: Receipt) -> None:
    """Write a receipt as JSON and as text. Raises LakeError."""
    folder.write_text(receipt_name(receipt.run_id, "json"), json.dumps(asdict(receipt), indent=2) + "\n")
    folder.write_text(receipt_name(receipt.run_id, "txt"), "\n".join(receipt.lines()) + "\n")


def read_receipt(lake: Folder, run_id: str) -> Receipt:
    """Return a receipt of a lake. Raises FileNotFoundError, DamagedDocumentError."""
    name = receipt_name(run_id, "json").removesuffix(".json")
    return Documents(lake, Receipt).read(name)


def add_changed(lake: Folder, run_id: str, names: Iterable[str]) -> None:
    """Note in a receipt which raw files were left, because they have changed. Raises LakeError."""
    receipt = read_receipt(lake, run_id)
    write_receipt(lake, replace(receipt, raw_changed=tuple(sorted({*receipt.raw_changed, *names}))))


def receipt_name(run_id: str, suffix: str) -> str:
    """Return the name of a receipt below the lake."""
    return f"_reports/erasure-{run_id}.{suffix}"


def newest_receipt(lake: Folder) -> str:
    """Return the text of the newest receipt, empty where there is none: names of runs sort by time."""
    names = [name for name in (lake / "_reports").names() if name.startswith("erasure-") and name.endswith(".txt")]
    return (lake / "_reports").read_bytes(names[-1]).decode() if names else ""
