"""COPY … FROM a manifest FORMAT PARQUET: parsed strictly, read with Arrow."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from contract.errors import LakeError
from lake.storage import Folder, open_folder

_COPY = re.compile(
    r"""COPY\s+(?P<table>[\w."]+)\s*(?:\((?P<columns>[^)]*)\)\s*)?
        FROM\s+'(?P<source>[^']+)'\s+(?P<options>.*)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_OPTION = re.compile(
    r"""\s*(?: IAM_ROLE\s+(?P<role>'[^']+'|default)
             | (?P<format>FORMAT\s+(?:AS\s+)?PARQUET)
             | (?P<manifest>MANIFEST)
             | STATUPDATE(?:\s+(?:ON|OFF|TRUE|FALSE))?
             | FILLRECORD | ACCEPTINVCHARS(?:\s+AS\s+'.')? | EXPLICIT_IDS )(?=\s|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_BATCH_ROWS = 100_000

# Which Parquet types COPY loads into which column type.
_FITS = {
    "boolean": pa.types.is_boolean,
    "smallint": pa.types.is_integer,
    "integer": pa.types.is_integer,
    "bigint": pa.types.is_integer,
    "double precision": pa.types.is_floating,
    "real": pa.types.is_floating,
    "numeric": pa.types.is_decimal,
    "text": pa.types.is_string,
    "character varying": pa.types.is_string,
    "date": pa.types.is_date,
    "timestamp without time zone": pa.types.is_timestamp,
    "timestamp with time zone": pa.types.is_timestamp,
}


class CopyError(Exception):
    """A COPY that Redshift would reject; the message resembles its own."""


@dataclass(frozen=True)
class CopyPlan:
    """A parsed COPY statement."""

    table: str
    columns: tuple[str, ...]
    manifest: str


def is_copy(statement: str) -> bool:
    """Return whether a statement is a COPY."""
    return statement[:5].upper().startswith("COPY") and statement[4:5].isspace()


def parse_copy(statement: str) -> CopyPlan:
    """Return the plan of COPY table FROM 'manifest' IAM_ROLE … FORMAT PARQUET MANIFEST. Raises ValueError for any other form."""
    found = _COPY.fullmatch(statement.strip())
    if not found:
        raise ValueError("syntax error in COPY: expected COPY table FROM 'manifest' options")
    seen: dict[str, str] = {}
    rest = found["options"].rstrip()
    while rest:
        option = _OPTION.match(rest)
        if not option:
            raise ValueError(f"COPY option not supported with FORMAT PARQUET: {rest.split()[0]!r}")
        seen |= {k: v for k, v in option.groupdict().items() if v}
        rest = rest[option.end() :]
    if "role" not in seen:
        raise ValueError("COPY needs credentials: IAM_ROLE is missing")
    if "format" not in seen or "manifest" not in seen:
        raise ValueError("this stand-in loads FORMAT PARQUET with a MANIFEST only")
    columns = tuple(c.strip().strip('"') for c in (found["columns"] or "").split(",") if c.strip())
    return CopyPlan(found["table"], columns, found["source"])


def read_rows(plan: CopyPlan, types: list[str]) -> Iterator[tuple[bytes, int]]:
    """Yield chunks of CSV for PostgreSQL's own COPY, and the number of rows in each.

    `types` are the target's column types, in order: Parquet is loaded by position.
    Raises CopyError.
    """
    for url, source in _files(plan.manifest):
        parquet = pq.ParquetFile(source)
        _check_columns(url, parquet.schema_arrow, types)
        for batch in parquet.iter_batches(batch_size=_BATCH_ROWS):
            yield _as_csv(batch), batch.num_rows


def _files(manifest: str) -> Iterator[tuple[str, Path | pa.BufferReader]]:
    """Yield every file of the manifest: its URL, and what Arrow reads it from."""
    folder, name = _place(manifest)
    try:
        entries = folder.read_json(name)["entries"]
    except (OSError, LakeError, KeyError) as error:
        raise CopyError(f"cannot read the manifest {manifest}: {error}") from error
    for entry in entries:
        url, length = entry["url"], entry.get("meta", {}).get("content_length")
        if length is None:
            raise CopyError(f"manifest entry without meta.content_length: {url}")
        folder, name = _place(url)
        found = folder.stat(name)
        if found is None and entry.get("mandatory"):
            raise CopyError(f"mandatory file of the manifest does not exist: {url}")
        if found is None:
            continue
        if found.size != length:
            raise CopyError(f"{url} has {found.size} bytes, the manifest says {length}")
        yield url, pa.BufferReader(folder.read_bytes(name)) if "://" in url else Path(url)


def _place(url: str) -> tuple[Folder, str]:
    """The folder of a file, and its name there."""
    parent, _, name = url.rpartition("/")
    return open_folder(parent or "/"), name


def _check_columns(file: str, schema: pa.Schema, types: list[str]) -> None:
    if len(schema) != len(types):
        raise CopyError(f"{file} has {len(schema)} columns, the table {len(types)}: FORMAT PARQUET loads by position")
    for field, kind in zip(schema, types, strict=True):
        fits = _FITS.get(kind)
        if fits is None or not fits(field.type):
            raise CopyError(
                f"{file} has an incompatible Parquet schema for column {field.name}: {field.type} into {kind}"
            )


def _as_csv(batch: pa.RecordBatch) -> bytes:
    """Every value quoted and nulls bare, so that an empty string stays one."""
    columns = [pc.cast(c, pa.string()) if pa.types.is_decimal(c.type) else c for c in batch.columns]
    out = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
    pyarrow.csv.write_csv(pa.RecordBatch.from_arrays(columns, names=batch.schema.names), out, options)
    return out.getvalue()
