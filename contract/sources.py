"""How the files below a folder are meant: as states of customers, as changes of a database, or as full pictures of a feed."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Literal

from contract import defaults
from contract.columns import KEY, NO, NULL_WORDS
from contract.feeds import column_for_header, normalize_header

Kind = Literal["append", "cdc", "snapshot"]

UPSERT, DELETE = "upsert", "delete"
"""What bronze says of a record that was inserted, changed or read as it is, and of one that was deleted."""

BEFORE = "before"
"""What bronze says of the image of a record before a change: it is kept there and counts for nothing."""


@dataclass(frozen=True)
class Source:
    """The files below a folder of this name, in lower or upper case, at any depth.

    `append`: every record is a state of its customer; the newest counts. `cdc` (change data capture): a record says what
    happened in the table of a database, or is of the full load before. `snapshot`: a file has every customer of its feed,
    and who is missing is deleted. `columns` are the headers of files that have none, in their order, without the
    operation that AWS DMS puts first. Of snapshots `needs_proof` says that something must show that a file is whole,
    `max_missing_share` (0 to 1) of how many of the customers known before may be missing in it.
    """

    folder: str
    kind: Kind
    columns: tuple[str, ...] = ()
    needs_proof: bool = True
    max_missing_share: float = defaults.MAX_MISSING_SHARE


APPEND = Source("", "append")
OPERATION_HEADER = "op"
SOURCES: tuple[Source, ...] = (Source("cdc", "cdc"), Source("snapshot", "snapshot"), Source("snapshots", "snapshot"))
_SOURCE_BY_FOLDER = {source.folder: source for source in SOURCES}

FULL_LOAD = "(^|/)LOAD[^/]*$"
"""What the paths of full-load files of AWS DMS match, which have no place in the order of the changes.

They come before all changes that have one; without, they compare with them by time, as any other file.
"""

# Headers as normalized: of AWS DMS, Debezium, Fivetran, Airbyte, Qlik, Hudi, Snowflake and their like.
_OPERATION_HEADERS = {
    "op", "operation", "operationtype", "optype", "dmltype", "changetype", "rowkind", "rowop", "cdcop", "cdcoperation",
    "sourceoperation", "arhoperation", "headerchangeoper", "hoodieoperation", "metadataaction",
}  # fmt: skip
_DELETION_HEADERS = {
    "deleted", "isdeleted", "deletedflag", "deleteflag", "deletedat", "deletedon", "deletedts", "deletedate", "deleteddate",
    "deletiondate", "datedeleted", "fivetrandeleted", "hoodieisdeleted", "abcdcdeletedat", "sdcdeletedat",
}  # fmt: skip
# The first that a file has counts: positions in the source's log order changes, transactions only groups of them.
_SEQUENCE_HEADERS = (
    "arhchangeseq", "arhstreamposition", "changeseq", "streamposition", "sequence", "sequencenumber", "lsn", "abcdclsn", "scn",
    "transactid", "transactionid",
)  # fmt: skip
_COMMIT_TIME_HEADERS = (
    "arhtimestamp", "dmstimestamp", "cdctimestamp", "committimestamp", "committedat", "abcdcupdatedat", "timestamp",
)  # fmt: skip

_OPERATIONS = {
    **dict.fromkeys(
        ("i", "insert", "c", "create", "r", "read", "u", "update", "updateafter", "upsert", "+i", "+u"), UPSERT
    ),
    **dict.fromkeys(("d", "delete", "-d"), DELETE),
    **dict.fromkeys(("b", "updatebefore", "-u", "beforeimage"), BEFORE),
}
_BEFORE_PREFIX = "BI"
_NOT_DELETED = {"", *NO, "0.0", *NULL_WORDS}
_NO_DATE = "0000-00-00"  # MySQL's
_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}([T ].*)?")


def source_of(path: str) -> Source:
    """Return the source of a file by the first of its folders that is one's; `APPEND` where none is."""
    folders = (folder.lower() for folder in PurePosixPath(path).parts[:-1])
    return next((_SOURCE_BY_FOLDER[folder] for folder in folders if folder in _SOURCE_BY_FOLDER), APPEND)


def path_pattern(kind: Kind) -> str:
    """Return a regular expression, for Java and Python, of the paths of all files that are meant as `kind`."""
    found = "|".join(source.folder for source in SOURCES if source.kind == kind)
    others = "|".join(source.folder for source in SOURCES)
    return f"(?i)^((?!({others})/)[^/]+/)*({found})/"


def is_source_folder(name: str) -> bool:
    """Return whether a folder of this name says how the files below it are meant."""
    return name.lower() in _SOURCE_BY_FOLDER


@lru_cache(maxsize=1024)
def is_operation(header: str) -> bool:
    """Return whether a header says what happened to the record in its source: inserted, updated or deleted."""
    return normalize_header(header) in _OPERATION_HEADERS | _DELETION_HEADERS


def operation(header: str, value: str) -> str:
    """Return what the value of an operation column says: `UPSERT`, `DELETE` or `BEFORE`; the value where it is none of them."""
    text = value.strip().lower()
    if is_deletion_flag(header):
        return UPSERT if text in _NOT_DELETED or text.startswith(_NO_DATE) else DELETE
    return _OPERATIONS.get(text.replace("_", ""), value)


def is_deletion_flag(header: str) -> bool:
    """Return whether a header is that of a flag, or of a time, that only deleted records have."""
    return normalize_header(header) in _DELETION_HEADERS


def is_date(value: str) -> bool:
    """Return whether a value of such a column says when the record was deleted."""
    return _DATE.fullmatch(value.strip()) is not None


def is_known_operation(value: str) -> bool:
    """Return whether a value is what operation columns hold."""
    return operation(OPERATION_HEADER, value) in (UPSERT, DELETE, BEFORE)


def is_key_before(header: str) -> bool:
    """Return whether a header is that of the key before the change, as AWS DMS writes it with before-images: BI_customer_id."""
    prefix, _, column = header.strip().partition("_")
    return prefix.upper() == _BEFORE_PREFIX and column_for_header(column) == KEY


def sequence_header(headers: tuple[str, ...]) -> str | None:
    """Return the header whose values order the changes of their source, None where there is none."""
    return _first(headers, _SEQUENCE_HEADERS)


def commit_time_header(headers: tuple[str, ...]) -> str | None:
    """Return the header with the time at which the source committed a change, None where there is none."""
    return _first(headers, _COMMIT_TIME_HEADERS)


def _first(headers: tuple[str, ...], wanted: tuple[str, ...]) -> str | None:
    by_name = {normalize_header(header): header for header in headers}
    return next((by_name[name] for name in wanted if name in by_name), None)
