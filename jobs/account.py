"""The account of a run: where every record of its files has gone, and whether that adds up."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import KEY
from contract.sources import BEFORE, source_of
from contract.tables import TABLES
from jobs.context import JobContext
from jobs.quarantine_gate import Judgement
from lake.deliveries import Delivery
from lake.names import printable
from lake.register import FileEntry
from lake.results import Check, RecordAccount, total
from transforms.account import taken_records

_SHOWN = 5
_REMEDY = "churn repair has such files read again"

Delivered = tuple[int, str]
"""Batch and path of a file."""


@dataclass(frozen=True)
class Told:
    """What a run reads and decides: `files`, conformed rows by feed, their judgement, rows of `transforms.silver.decided`.

    `counted` are those of the conformed rows that count; `changed` has the customers who are another one than before,
    None where all are taken to be. Earlier runs have used the batches up to `used_until`.
    """

    files: Sequence[FileEntry]
    counted: Mapping[str, DataFrame]
    judgement: Judgement
    decided: DataFrame
    changed: DataFrame | None
    used_until: int


def account(context: JobContext, told: Told, customers: int) -> tuple[tuple[RecordAccount, ...], tuple[Check, ...]]:
    """Return the account of each file, and the checks that nothing is missing; `customers` is the number of decided rows."""
    taken = _taken(told)
    images = _images_before(context, told.files)
    judged = {delivery.key: delivery for delivery in told.judgement.measured}
    left_out = told.judgement.left_out
    accounts = tuple(
        _left_out(file) if file.key in left_out else _account_of(file, judged.get(file.key), taken, images[file.key])
        for file in told.files
    )
    known = {file.key for file in told.files}
    strange = sum(count for (key, _), count in taken.items() if key not in known)
    return accounts, (_lost(accounts, strange, told), _balance(accounts, customers, _customers(told.counted)))


def _taken(told: Told) -> Counter[tuple[Delivered, str]]:
    """Records of which something is taken, by delivery and kind; who is missing in a snapshot is no record of it."""
    found: Counter[tuple[Delivered, str]] = Counter()
    for row in taken_records(told.decided, told.changed).collect():
        # The place of a snapshot of several files is their folder.
        if row["is_deletion"] and source_of(f"{row['_source_file']}/-").kind == "snapshot":
            continue
        kind = "deleted" if row["is_deletion"] else "incomplete" if not row["is_complete"] else "written"
        kind = "unchanged" if kind == "written" and not row["is_new"] else kind
        found[(row["_batch_id"], row["_source_file"]), kind] += row["records"]
    return found


def _images_before(context: JobContext, files: Sequence[FileEntry]) -> Counter[Delivered]:
    """How many records of files with changes are images before a change, which count for nothing."""
    found: Counter[Delivered] = Counter()
    changes = [file for file in files if source_of(file.path).kind == "cdc"]
    for feed in sorted({file.feed for file in changes}):
        batches = {file.batch for file in changes if file.feed == feed}
        bronze = context.lake.read_declared(TABLES[f"bronze.{feed}"])
        images = bronze.where(F.col("_batch_id").isin(*batches) & (F.col("_operation") == BEFORE))
        for row in images.groupBy("_batch_id", "_source_file").count().collect():
            found[row["_batch_id"], row["_source_file"]] += row["count"]
    return found


def _account_of(
    file: FileEntry, judged: Delivery | None, taken: Mapping[tuple[Delivered, str], int], images: int
) -> RecordAccount:
    rows, quarantined = (judged.rows, judged.quarantined) if judged else (0, 0)
    kinds = {kind: taken.get((file.key, kind), 0) for kind in ("written", "unchanged", "incomplete", "deleted")}
    written = rows + images if file.rows is None else file.rows  # to bronze
    return RecordAccount(
        file=printable(file.path),
        batch=file.batch,
        received=written + file.erased,
        superseded=rows - quarantined - sum(kinds.values()) + images,
        quarantined=quarantined,
        erased=file.erased,
        lost=written - rows - images,
        **kinds,
    )


def _left_out(file: FileEntry) -> RecordAccount:
    rows = file.rows or 0
    return RecordAccount(printable(file.path), file.batch, rows + file.erased, erased=file.erased, left_out=rows)


def _customers(counted: Mapping[str, DataFrame]) -> int:
    """How many customers the rows tell something of."""
    keys = (rows.where("size(_violations) = 0").select(KEY) for rows in counted.values())
    return reduce(DataFrame.unionByName, keys).distinct().count()


def _lost(accounts: Sequence[RecordAccount], strange: int, told: Told) -> Check:
    """A rebuild goes on without what bronze has lost of batches that were used before, and with rows of files that are unknown."""
    lost = [account for account in accounts if account.lost > 0]
    faults = [
        f"{total(lost).lost:,} missing: {_named(lost)}. {_REMEDY}" if lost else "",
        f"{strange:,} records count that are of no file of a manifest" if strange else "",
    ]
    return Check(
        expectation="bronze to have the records that were written to it",
        subject="files",
        severity="critical" if any(account.batch > told.used_until for account in lost) else "warning",
        success=not any(faults),
        observed="; ".join(filter(None, faults)),
    )


def _balance(accounts: Sequence[RecordAccount], customers: int, expected: int) -> Check:
    wrong = [account for account in accounts if not account.is_balanced]
    faults = [
        f"{len(wrong):,} of {len(accounts):,} files do not add up: {_named(wrong)}" if wrong else "",
        f"{expected:,} customers in the records, {customers:,} rows for silver.customers"
        if customers != expected
        else "",
    ]
    found = "; ".join(filter(None, faults))
    return Check(
        expectation="every record received to be accounted for",
        subject="files",
        severity="critical",
        success=not found,
        observed=found or f"{total(accounts).received:,} records in {len(accounts):,} files",
    )


def _named(accounts: Sequence[RecordAccount]) -> str:
    return "; ".join(account.sentence() for account in accounts[:_SHOWN])
