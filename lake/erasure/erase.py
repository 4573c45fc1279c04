"""Customers out of everything that a lake and its raw folder keep."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from contract.columns import KEY
from contract.errors import RawPathError
from contract.tables import TABLES
from lake.delta_log import is_table
from lake.erasure.batches import REGISTER, correct_batches
from lake.erasure.delta_tables import TableErasure, erase_from_table
from lake.erasure.documents import DocumentErasure, erase_from_documents
from lake.erasure.ids import SHORTEST_IN_TEXT, CustomerIds
from lake.erasure.raw_files import RawErasure, erase_from_raw_files
from lake.erasure.receipt import ErasedTable, Receipt, read_receipt, write_receipt
from lake.erasure.register import ErasureRegister
from lake.erasure.request import Requested
from lake.erasure.staging import RawChange, Staging
from lake.erasure.upkeep import WarehouseUpkeep
from lake.manifests import Manifests
from lake.names import printable
from lake.raw_folder import RawFolder, list_raw, open_raw
from lake.rebuild import RebuildRequest
from lake.storage import Folder


@dataclass(frozen=True)
class Erasure:
    """One erasure: the lake, the raw path (empty for none), the request that it fulfils, by which run, at what moment (UTC).

    `newest` are the data files of each table's newest version, by its name, as `TableErasure` names them.
    """

    lake: Folder
    raw: str
    request: Requested
    newest: Mapping[str, Collection[str]]
    run_id: str
    at: datetime

    def run(self) -> Receipt:
        """Erase and return the receipt. Ended at any moment, it can be run again. Raises LakeError, DamagedDocumentError."""
        # First: from now on no delivery brings them back.
        ErasureRegister(self.lake).add(self.ids.ids, self.at)
        staging = Staging(self.lake)
        staging.clear()
        tables = self._tables(staging)
        rows = sum((table.rows_by_raw_file for table in tables), Counter[tuple[int, str]]())
        folder = self._raw_folder()
        raw = self._raw_files(folder, staging, rows)
        deleted = [name for table in tables for name in table.deleted]
        if self._correct_batches(folder, raw, rows, staging):
            deleted.append(REGISTER)
        documents = erase_from_documents(self.lake, self.ids, staging.files, is_outdated=bool(tables))
        write_receipt(staging.files, self._receipt(tables, raw, documents))
        if tables:
            WarehouseUpkeep(staging.files).ask()
            RebuildRequest(self.lake).ask()  # counts of the newest version are made again, from who is left
        staging.seal(
            self.run_id,
            self.request.number,
            (*deleted, *documents.deleted),
            raw_root=folder.root.uri() if folder else "",
            raw_files=[self._change(name, raw) for name in raw.rewritten],
            raw_deleted=[self._change(name, raw) for name in raw.deleted],
        )
        staging.finish()
        return read_receipt(self.lake, self.run_id)

    def _change(self, name: str, raw: RawErasure) -> RawChange:
        return RawChange(name, raw.checksums[name], self.ids.masked(printable(name)))

    @property
    def ids(self) -> CustomerIds:
        """Return who is erased."""
        return self.request.ids

    def _receipt(self, tables: Sequence[TableErasure], raw: RawErasure, documents: DocumentErasure) -> Receipt:
        return Receipt(
            run_id=self.run_id,
            at=self.at.isoformat(timespec="seconds"),
            customers=len(self.ids),
            found=len(set[str]().union(*(table.customers for table in tables))),
            tables=tuple(ErasedTable(table.table, table.files, table.log_files, table.rows) for table in tables),
            raw_rewritten=len(raw.rewritten),
            raw_deleted=len(raw.deleted),
            raw_left=tuple(map(self.ids.masked, raw.left)),
            raw_changed=tuple(map(self.ids.masked, raw.writing)),
            documents=(*documents.changed, *documents.deleted),
            documents_left=tuple(map(self.ids.masked, documents.left)),
            documents_not_searched=tuple(map(self.ids.masked, documents.not_searched)),
            notes=self._notes(),
        )

    def _tables(self, staging: Staging) -> list[TableErasure]:
        """The tables that are changed."""
        found = [
            erase_from_table(self.lake, table, self.newest.get(table.name, ()), self.ids, staging.files)
            for table in TABLES.values()
            if KEY in table.schema.names and is_table(self.lake, table.path)
        ]
        return [table for table in found if table.files or table.log_files or table.deleted]

    def _raw_folder(self) -> RawFolder | None:
        """The raw files, None where there are none, and where a rewritten one would get another time: records count from it."""
        if not self.raw or not open_raw(self.raw)[0].keeps_times:
            return None
        with suppress(RawPathError):
            return list_raw(self.raw)
        return None

    def _raw_files(self, folder: RawFolder | None, staging: Staging, rows: Mapping[tuple[int, str], int]) -> RawErasure:
        register = Manifests(self.lake).register()
        done = erase_from_raw_files(folder, register, self.ids, staging.raw_files) if folder else RawErasure()
        seen = {file.name for file in folder.files} if folder else set()
        elsewhere = {printable(path) for _, path in rows if path not in seen}
        done.left = sorted({*done.left, *elsewhere})
        return done

    def _correct_batches(
        self, folder: RawFolder | None, raw: RawErasure, rows: Mapping[tuple[int, str], int], staging: Staging
    ) -> int:
        root = folder.root if folder else self.lake
        rewritten = {root.uri(name): (raw.checksums[name], content) for name, content in raw.rewritten.items()}
        return correct_batches(self.lake, rows, rewritten, staging.files)

    def _notes(self) -> tuple[str, ...]:
        short = self.ids.only_in_keys
        if not short:
            return ()
        return (
            f"{short} of the ids have fewer than {SHORTEST_IN_TEXT} characters: these were looked for as customer numbers only, "
            "not in records that could not be read and not in texts",
        )
