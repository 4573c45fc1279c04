"""The datasets of the pipeline: their names by OpenLineage's rules, what each is read from, columns and column lineage."""

from dataclasses import dataclass
from pathlib import Path

from contract.feeds import FEEDS
from contract.lineage import Source, Use, raw_files, row_conditions, sources_of
from contract.schema import Field, required
from contract.tables import RAW, TABLES
from lake.exports import OPERATION_COLUMN
from lake.storage import S3_SCHEMES

ANALYSIS = "gold.customer_churn_analysis"
DASHBOARD, EXPORT, WAREHOUSE = "dashboard", "export", "warehouse"
"""Datasets that are no tables of the lake, beside the raw files of a feed (`raw.<feed>`)."""


@dataclass(frozen=True)
class _Product:
    """What is made of the lake's tables and is none: what it is read from, its path below the lake, its columns."""

    reads: tuple[str, ...]
    path: str = ""
    columns: tuple[Field, ...] = ()


_COLUMNS = TABLES[ANALYSIS].schema.fields
_OPERATION = required(OPERATION_COLUMN, "string", "U for a row to insert or replace, D for one to delete")
_PRODUCTS = {
    DASHBOARD: _Product((ANALYSIS, "gold.churn_kpis"), "_dashboard"),  # packed: it has no columns
    EXPORT: _Product((ANALYSIS,), "_exports/customer_churn_analysis", (*_COLUMNS, _OPERATION)),
    WAREHOUSE: _Product((EXPORT,), columns=_COLUMNS),
}

DATASETS = (*(raw_files(feed) for feed in FEEDS), *TABLES, *_PRODUCTS)
"""Every dataset, in the order of the pipeline."""


@dataclass(frozen=True)
class Address:
    """What identifies a dataset for OpenLineage: the store, and its name there."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Places:
    """Where a platform keeps its data: folders or s3:// addresses, and the warehouse table where there is one.

    `raw` is a folder or file; the files of a feed below it are the dataset `<raw>/<feed>`, whatever folders they are in.
    """

    raw: str
    lake: str
    warehouse: Address | None = None

    def address(self, dataset: str) -> Address:
        """Return the address of a dataset. Raises KeyError for an unknown one, and for a warehouse that is not there."""
        if dataset.startswith(f"{RAW}."):
            return _stored(self.raw, dataset.removeprefix(f"{RAW}."))
        if dataset == WAREHOUSE:
            if self.warehouse is None:
                raise KeyError(dataset)
            return self.warehouse
        return _stored(self.lake, TABLES[dataset].path if dataset in TABLES else _PRODUCTS[dataset].path)


def redshift_table(host: str, port: int, database: str, schema: str, table: str) -> Address:
    """Return the address of a warehouse table."""
    return Address(f"redshift://{host}:{port}", f"{database}.{schema}.{table}")


def reads(dataset: str) -> tuple[str, ...]:
    """Return the datasets that a dataset is made from; raw files are made from none."""
    if dataset in _PRODUCTS:
        return _PRODUCTS[dataset].reads
    if dataset not in TABLES:
        return ()
    table = TABLES[dataset]
    return tuple(raw_files(table.short_name) if name == RAW else name for name in table.reads)


def columns(dataset: str) -> tuple[Field, ...]:
    """Return the columns of a dataset; none of one whose columns are not declared."""
    if dataset in TABLES:
        return TABLES[dataset].schema.fields
    if dataset.startswith(f"{RAW}."):
        return tuple(Field(name, "string", "") for name in FEEDS[dataset.removeprefix(f"{RAW}.")].columns)
    return _PRODUCTS[dataset].columns


def column_sources(dataset: str) -> dict[str, dict[Source, Use]]:
    """Return, for each column that comes from others, the columns that it is computed from and how each is used."""
    if dataset in TABLES:
        found = {name: sources_of(dataset, name) for name in TABLES[dataset].schema.names}
    elif dataset in (EXPORT, WAREHOUSE):
        (upstream,) = _PRODUCTS[dataset].reads
        found = {name: {Source(upstream, name): "identity"} for name in TABLES[ANALYSIS].schema.names}
    else:
        found = {}
    return {name: sources for name, sources in found.items() if sources}


def row_sources(dataset: str) -> tuple[Source, ...]:
    """Return the columns that decide which rows a dataset has."""
    return row_conditions(dataset)


def _stored(root: str, path: str) -> Address:
    """The address of a path below a folder, which is one of this machine or on S3."""
    if not root.startswith(S3_SCHEMES):
        return Address("file", str(Path(root).resolve() / path))
    bucket, _, prefix = root.partition("://")[2].strip("/").partition("/")
    return Address(f"s3://{bucket}", f"{prefix}/{path}".lstrip("/"))
