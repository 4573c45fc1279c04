"""A small lake, made without Spark, of which a customer is to be erased."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from lake.alerts import Alert, Alerts, AtRisk
from lake.erasure.register import ErasureRegister
from lake.erasure.request import ErasureRequest
from lake.manifests import Manifests
from lake.register import FileEntry
from lake.storage import Folder, open_folder
from tests.support.records import many, record, write_jsonl

GONE = "GONE-0001"
AT = datetime(2026, 1, 2, tzinfo=UTC)
NAME = "customers/2026-01-01/a.jsonl"
TABLES = ("bronze.customers", "silver.customers")


def build(place: Path, known_as: Path) -> None:
    """Write `lake` and `raw` below a place, which manifests know by another address.

    Two tables of two versions each, one with a checkpoint, a manifest, an alert, an export and a raw file.
    """
    lake, root = open_folder(place / "lake"), open_folder(place / "raw")
    raw = write_jsonl(place / "raw" / NAME, *many(3), record(GONE))
    checksum, uri = root.checksum(root.stat(NAME)), str(known_as / "raw" / NAME)  # type: ignore[arg-type]
    number = Manifests(lake).open([FileEntry(NAME, "customers", checksum, uri=uri, size=raw.stat().st_size)], AT)
    Manifests(lake).commit(number, {NAME: 4})
    lineage = {"_batch_id": number, "_source_file": NAME, "_parse_error": None, "_rescued_data": None}
    for ids in (["G0000", GONE], ["G0001", "G0002"]):
        rows = pa.Table.from_pylist([{"customer_id": name, **lineage} for name in ids])
        write_deltalake(lake.uri("bronze/customers"), rows, mode="append")
        write_deltalake(lake.uri("silver/customers"), rows.select(["customer_id"]), mode="append")
    DeltaTable(lake.uri("silver/customers")).create_checkpoint()
    top = (AtRisk(GONE, "Fresno", "x", 1.0, 2, 90), AtRisk("G0000", "Fresno", "x", 1.0, 2, 90))
    Alerts(lake).write(Alert(1, "2026-01-01", 2, 2.0, 4, top))
    lake.write_text("_runs/run-0/note.json", f'{{"note": "about {GONE}"}}')
    lake.write_text("_exports/customer_churn_analysis/00000001/export.json", "{}")
    ErasureRegister(lake).add(["OTHER-0001"], AT)  # whose key is the same then
    ErasureRequest(lake).add([GONE])


def newest_files(lake: Folder) -> dict[str, set[str]]:
    """Return the data files of the newest versions: all that there are."""
    return {
        table: {file.name for file in (lake / table.replace(".", "/")).files() if _is_data(file.name)}
        for table in TABLES
    }


def _is_data(name: str) -> bool:
    return name.endswith(".parquet") and not name.startswith("_delta_log/")
