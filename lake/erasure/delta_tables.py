"""Delta tables without erased customers, old versions and change feeds among them, in place.

Data files keep their names, so every version can be read as before. What Delta's log says of a file is corrected wherever it
says it: size, statistics, positions of rows that do not count.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from contract.columns import KEY
from contract.errors import DamagedFileError, DamagedTableError
from contract.tables import Table
from lake.delta_log import log_folder
from lake.erasure.deletion_vectors import decode, encode, vector_content, vector_file, vectors, without_rows
from lake.erasure.ids import CustomerIds, canonical_id
from lake.erasure.parquet import ErasedFile, erased_file
from lake.erasure.statistics import corrected, without_named
from lake.storage import Folder

Action = dict[str, Any]
_FILE_ACTIONS = ("add", "remove", "cdc")
_DERIVED = (".crc", "/_last_checkpoint")
_LEFTOVER = re.compile(r"\.\d+\.json\.[0-9A-Za-z-]+\.tmp")


@dataclass
class TableErasure:
    """What is changed of a table: data `files`, files of its log, and how many `rows` the files of the newest version lose.

    `rows_by_raw_file` counts these by batch and raw file, in bronze. `customers` are the ids that rows of any version had as
    their key. `deleted` are the names of files that Delta derives from others or that nothing reads.
    """

    table: str
    files: int = 0
    log_files: int = 0
    rows: int = 0
    customers: set[str] = field(default_factory=set)
    deleted: list[str] = field(default_factory=list)
    rows_by_raw_file: Counter[tuple[int, str]] = field(default_factory=Counter)


def erase_from_table(
    lake: Folder, table: Table, newest: Collection[str], ids: CustomerIds, staged: Folder
) -> TableErasure:
    """Stage a table's files without customers and return what that changes; `newest` are the data files of its newest version.

    Raises LakeError for a deletion vector that cannot be corrected, DamagedTableError for a data file that cannot be read.
    """
    done, changed, log = TableErasure(table.name), dict[str, ErasedFile](), _Log(lake, table)
    for name in _data_files(lake, table):
        try:
            found = erased_file(lake.read_bytes(f"{table.path}/{name}"), ids)
        except DamagedFileError as error:
            _require_leftover(lake, table, name, log, error)
            done.deleted.append(f"{table.path}/{name}")
            continue
        if found:
            staged.write_bytes(f"{table.path}/{name}", found.content)
            changed[name] = found
            done.files += 1
            done.customers |= {canonical_id(key) for key in found.removed[KEY].to_pylist() if ids.has(key)}
            if name in newest:
                _count(done, found)
    descriptors = _stage_vectors(lake, table, log.vectors(), changed, staged)
    done.log_files = log.stage(_Correction(changed, descriptors, ids), staged)
    if done.files or done.log_files:
        done.deleted += log.derived
    done.deleted += log.leftovers
    return done


def _require_leftover(lake: Folder, table: Table, name: str, log: "_Log", error: Exception) -> None:
    """A write that was killed leaves half a file, which no version has, and whose rows nobody can tell."""
    if name in log.data_files():
        raise DamagedTableError(
            f"{table.name}: {lake.uri(f'{table.path}/{name}')} is damaged. Restore it from a backup, or go back to the last "
            "good state with: churn repair"
        ) from error


def _data_files(lake: Folder, table: Table) -> Iterator[str]:
    """Every Parquet file with rows, also of the change feed and those that no version needs."""
    for file in (lake / table.path).files():
        if file.name.endswith(".parquet") and not file.name.startswith("_delta_log/"):
            yield file.name


def _count(done: TableErasure, found: ErasedFile) -> None:
    done.rows += found.removed.num_rows
    if "_source_file" in found.removed.column_names:
        batches, files = (found.removed[name].to_pylist() for name in ("_batch_id", "_source_file"))
        done.rows_by_raw_file.update(zip(batches, files, strict=True))


@dataclass(frozen=True)
class _Correction:
    """Changed data files by name below the table, and new deletion vectors by the file and offset of the old ones."""

    changed: Mapping[str, ErasedFile]
    descriptors: Mapping[tuple[str, int], Action]
    ids: CustomerIds

    def of_action(self, action: Action) -> Action:
        """Return an action as it is to be; the same one where nothing is to be corrected."""
        if "commitInfo" in action:
            return self._of_info(action)
        kind = next((kind for kind in _FILE_ACTIONS if action.get(kind)), None)
        return action if kind is None else {**action, kind: self.of_file(action[kind])}

    def of_file(self, entry: Action) -> Action:
        """Return what an action says of a data file, corrected."""
        vector, found = entry.get("deletionVector"), self.changed.get(unquote(entry["path"]))
        after = dict(entry)
        if vector:
            after["deletionVector"] = self.descriptors.get((vector["pathOrInlineDv"], vector["offset"]), vector)
        if found is None:
            return self._of_lost_file(after)
        if entry.get("size") is not None:
            after["size"] = found.size
        if entry.get("stats"):
            after["stats"] = json.dumps(corrected(json.loads(entry["stats"]), found.kept), separators=(",", ":"))
        if entry.get("stats_parsed"):
            after["stats_parsed"] = None  # a checkpoint may leave it out; `stats` says the same
        return after

    def _of_lost_file(self, entry: Action) -> Action:
        """A file that VACUUM has deleted may still be told of, with his id as least or greatest value."""
        statistics = json.loads(entry["stats"]) if entry.get("stats") else {}
        kept = without_named(statistics, self.ids)
        if kept == statistics:
            return entry
        after = {**entry, "stats": json.dumps(kept, separators=(",", ":"))}
        return after | {"stats_parsed": None} if after.get("stats_parsed") else after

    def _of_info(self, action: Action) -> Action:
        """Somebody's own DELETE may name a customer in its condition."""
        masked: Action = json.loads(self.ids.masked_json(json.dumps(action, ensure_ascii=False)))
        return masked


class _Log:
    """The log of one table."""

    def __init__(self, lake: Folder, table: Table) -> None:
        folder = lake / log_folder(table.path)
        names = [file.name for file in folder.files()]
        self._table = table
        self._log = log_folder(table.path)
        self.derived = [f"{self._log}/{name}" for name in names if f"/{name}".endswith(_DERIVED)]
        # Commits that were killed: nothing reads them.
        self.leftovers = [f"{self._log}/{name}" for name in names if _LEFTOVER.fullmatch(name)]
        self._commits = {name: _parsed(folder.read_bytes(name)) for name in names if name.endswith(".json")}
        self._checkpoints = {
            name: pq.read_table(io.BytesIO(folder.read_bytes(name))) for name in names if name.endswith(".parquet")
        }

    def data_files(self) -> set[str]:
        """Return the names of all files that the log names, of the change feed too."""
        return {unquote(entry["path"]) for entry in self._entries}

    def vectors(self) -> list[tuple[str, Action]]:
        """Return every deletion vector with the data file that it is about, in no order, each as often as the log names it."""
        return [(unquote(e["path"]), e["deletionVector"]) for e in self._entries if e.get("deletionVector")]

    @cached_property
    def _entries(self) -> list[Action]:
        """What commits and checkpoints say of files."""
        found = [action.get(k) for actions in self._commits.values() for action in actions for k in _FILE_ACTIONS]
        for checkpoint in self._checkpoints.values():
            for kind in ("add", "remove"):
                found += checkpoint[kind].to_pylist() if kind in checkpoint.column_names else []
        return [entry for entry in found if entry]

    def stage(self, correction: _Correction, staged: Folder) -> int:
        """Stage the files that are to be corrected and return how many these are."""
        count = 0
        for name, actions in self._commits.items():
            after = [correction.of_action(action) for action in actions]
            if after != actions:
                lines = (json.dumps(action, separators=(",", ":"), ensure_ascii=False) for action in after)
                staged.write_text(f"{self._log}/{name}", "\n".join(lines) + "\n")
                count += 1
        for name, checkpoint in self._checkpoints.items():
            after_checkpoint = _corrected_checkpoint(checkpoint, correction)
            if after_checkpoint is not None:
                content = io.BytesIO()
                pq.write_table(after_checkpoint, content, store_schema=False)
                staged.write_bytes(f"{self._log}/{name}", content.getvalue())
                count += 1
        return count


def _parsed(content: bytes) -> list[Action]:
    return [json.loads(line) for line in content.splitlines() if line.strip()]


def _corrected_checkpoint(checkpoint: pa.Table, correction: _Correction) -> pa.Table | None:
    """A checkpoint as it is to be, None where it is so."""
    is_changed = False
    for kind in ("add", "remove"):
        if kind in checkpoint.column_names:
            entries = checkpoint[kind].to_pylist()
            after = [entry and correction.of_file(entry) for entry in entries]
            if after != entries:
                is_changed, declared = True, checkpoint.schema.field(kind)
                place = checkpoint.schema.get_field_index(kind)
                checkpoint = checkpoint.set_column(place, declared, pa.array(after, declared.type))
    return checkpoint if is_changed else None


def _stage_vectors(
    lake: Folder, table: Table, named: list[tuple[str, Action]], changed: Mapping[str, ErasedFile], staged: Folder
) -> dict[tuple[str, int], Action]:
    """Stage the files of deletion vectors of changed data files; return the new descriptors by those that they replace."""
    of_changed = {_identity(vector): changed[path] for path, vector in named if path in changed}
    old = {_identity(vector): vector for _, vector in named}
    new: dict[tuple[str, int], Action] = {}
    for place in sorted({place for place, _ in of_changed}):
        file = vector_file(next(vector for (path, _), vector in old.items() if path == place))
        if not lake.exists(f"{table.path}/{file}"):
            continue  # of a version whose files VACUUM has deleted
        found = vectors(lake.read_bytes(f"{table.path}/{file}"))
        corrected_vectors = {
            offset: encode(without_rows(decode(content), of_changed[place, offset].positions))
            if (place, offset) in of_changed
            else content
            for offset, content in found.items()
        }
        content, offsets = vector_content(corrected_vectors.values())
        staged.write_bytes(f"{table.path}/{file}", content)
        for (before, vector), offset in zip(corrected_vectors.items(), offsets, strict=True):
            if (place, before) in old:
                counted = {"offset": offset, "sizeInBytes": len(vector), "cardinality": len(decode(vector))}
                new[place, before] = {**old[place, before], **counted}
    return new


def _identity(vector: Action) -> tuple[str, int]:
    return vector["pathOrInlineDv"], vector["offset"]
