"""The trace of one customer: what the warehouse, gold and silver show of him, and every record behind it."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from contract.errors import DamagedDocumentError, UnknownCustomerError
from contract.feeds import GROUPS
from contract.lineage import Source, sources_of
from contract.tables import TABLES
from lake.deliveries import Deliveries, Delivery
from lake.manifests import Manifests
from lake.rebuild import RebuildRequest
from lake.storage import Folder, open_folder
from serving.trace.origins import Fate, Origin, brought, counted, fates, origins
from serving.trace.records import Delivered, Record, records
from serving.trace.rows import CustomerRows, Row, read_rows
from transforms.received_value import customer_key

_ANALYSIS, _CUSTOMERS = TABLES["gold.customer_churn_analysis"], "silver.customers"
# What gold takes from silver as it is.
_CARRIED = [
    name
    for name in _ANALYSIS.schema.names
    if sources_of(_ANALYSIS.name, name) == {Source(_CUSTOMERS, name): "identity"}
]


@dataclass(frozen=True)
class InWarehouse:
    """The customer's row in the warehouse. `differs` are the columns whose value is not gold's; `note` why it was not asked."""

    state: Literal["there", "not there", "not asked"] = "not asked"
    row: Row = field(default_factory=dict)
    differs: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Trace:
    """Everything that is known of a customer, the consumers' side first. Records name each other by number.

    `tombstones` and `quarantined` are rows of silver; `deleted_by` has the records of each tombstone. `unidentified` are quarantined
    records without a readable id that have his somewhere. `deliveries` have decisions on files that contain him.
    """

    customer_id: str
    warehouse: InWarehouse
    gold: Row | None
    movements: list[Row]
    silver: Row | None
    origins: list[Origin]
    records: list[Record]
    fates: list[Fate]
    tombstones: list[Row]
    deleted_by: list[tuple[int, ...]]
    quarantined: list[Row]
    unidentified: list[Row]
    deliveries: list[Delivery]
    notes: list[str]

    @property
    def is_unknown(self) -> bool:
        """Return whether neither the lake nor the warehouse has anything of him."""
        rows = (*self.records, *self.tombstones, *self.quarantined, *self.unidentified, *self.movements)
        return not (rows or self.silver or self.gold or self.warehouse.row)

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs: the fate of a record is part of it, and a tombstone has the `records` of the deletion."""
        content = asdict(self)
        made = zip(content["records"], content.pop("fates"), strict=True)
        stones = zip(content["tombstones"], content.pop("deleted_by"), strict=True)
        return content | {
            "records": [record | fate for record, fate in made],
            "tombstones": [stone | {"records": numbers} for stone, numbers in stones],
        }


def trace(lake: Path, customer_id: str) -> Trace:
    """Return the trace of a customer in a lake; the warehouse is not asked. Raises QueryError, UnknownCustomerError, LakeError."""
    key = customer_key(customer_id)
    if key is None:
        raise UnknownCustomerError("a blank customer id is nobody's: records without one are in silver.quarantine")
    rows = read_rows(lake, key)
    return _traced(key, rows, open_folder(lake))


def _traced(key: str, rows: CustomerRows, folder: Folder) -> Trace:
    store = Deliveries(folder)
    recorded, until = store.read(), store.judged_until()
    found = records(rows, _lacking(folder, rows))
    left_out = {delivery.key for delivery in recorded if delivery.is_left_out}
    until_batch = until if until >= 0 else None  # a lake of release 0.1.0 has no such list
    compared = counted(found, left_out, until_batch)
    known = origins(rows, compared)
    brought_by = {record.delivery for record in found}
    return Trace(
        customer_id=key,
        warehouse=InWarehouse(),
        gold=rows.gold,
        movements=rows.movements,
        silver=rows.silver,
        origins=known,
        records=found,
        fates=fates(found, known, left_out, until_batch),
        tombstones=rows.tombstones,
        deleted_by=[tuple(r.number for r in compared if brought(r, stone)) for stone in rows.tombstones],
        quarantined=rows.quarantine,
        unidentified=rows.unidentified,
        deliveries=[delivery for delivery in recorded if delivery.key in brought_by],
        notes=_notes(rows, folder),
    )


def _lacking(folder: Folder, rows: CustomerRows) -> Mapping[Delivered, Collection[str]]:
    """The columns that files of release 0.1.0 lack, by delivery: bronze has null there for blank ones too."""
    manifests, lacking = Manifests(folder), dict[Delivered, Collection[str]]()
    for number in sorted({row["_batch_id"] for found in rows.bronze.values() for row in found}):
        with suppress(DamagedDocumentError):  # a manifest that was rebuilt does not say it either
            old = [batch for batch in manifests.between(number - 1, number) if batch.has_null_for_blank]
            lacking |= {file.key: file.lacks for batch in old for file in batch.files if file.lacks is not None}
    return lacking


def _notes(rows: CustomerRows, folder: Folder) -> list[str]:
    """What explains a difference between tables."""
    silver, gold = rows.silver, rows.gold
    notes = []
    if RebuildRequest(folder).read() is not None:
        notes.append(
            "silver and gold are to be rebuilt; until the next run they may not show what was decided: churn run"
        )
    if silver is not None and gold is None:
        missing = [group.name for group in GROUPS if group.required and silver[group.event_column] is None]
        reason = (
            f"silver has no values of {', '.join(missing)}" if missing else "the next run brings him there: churn run"
        )
        notes.append(f"not in gold: {reason}")
    if gold is not None and silver is None:
        notes.append("in gold, and no longer in silver: the next run brings gold up to date: churn run")
    if gold is not None and silver is not None:
        older = [name for name in _CARRIED if name in gold and silver.get(name) != gold[name]]
        if older:
            notes.append(
                f"gold is older than silver ({', '.join(older)}): the next run brings it up to date: churn run"
            )
    return notes
