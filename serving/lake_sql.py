"""SQL over the lake without Spark, by delta-rs."""

from pathlib import Path
from typing import Any

import sqlglot
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError, TableNotFoundError
from sqlglot import exp
from sqlglot.errors import SqlglotError

from contract.errors import QueryError
from contract.tables import LAYERS
from lake.delta_log import is_table
from lake.storage import open_folder
from serving.as_of import Past, in_the_past

_WRITING = (exp.Into, exp.Insert, exp.Update, exp.Delete, exp.Merge)

Rows = tuple[list[str], list[tuple[Any, ...]]]


def table_names(lake: Path) -> list[str]:
    """Return every table that exists, as layer.name, in the order of the layers."""
    found = [(layer, path.name) for layer in LAYERS for path in sorted((lake / layer).glob("*")) if path.is_dir()]
    return [f"{layer}.{name}" for layer, name in found if is_table(open_folder(lake), f"{layer}/{name}")]


def query(lake: Path, sql: str, past: Past | None = None) -> Rows:
    """Return the column names and rows of a SELECT over layer.table names, as they were in the `past`. Raises QueryError."""
    tree = _select(sql, past)
    used = {f"{table.db}.{table.name}" for table in tree.find_all(exp.Table) if table.db}
    builder = QueryBuilder()
    for name in sorted(used):
        builder.register(_flat(name), _open(lake, name))
    for table in tree.find_all(exp.Table):
        if table.db:
            alias = table.alias or table.name
            table.replace(exp.alias_(exp.to_table(_flat(f"{table.db}.{table.name}")), alias, table=True))
    try:
        result = builder.execute(tree.sql(dialect="postgres")).read_all()
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise QueryError(f"the query failed: {reason}. If a file of a table is damaged: churn repair") from error
    columns = [field.name for field in result.schema]
    values = [[item.as_py() for item in result.column(i)] for i in range(len(columns))]
    return columns, list(zip(*values, strict=True))


def for_athena(sql: str, prefix: str, past: Past | None = None) -> str:
    """Return a SELECT over layer.table names in Athena's dialect, with the catalog's database names. Raises QueryError."""
    tree = _select(sql, past)
    for table in tree.find_all(exp.Table):
        if table.db in LAYERS:
            table.set("db", exp.to_identifier(f"{prefix}{table.db}"))
    return str(tree.sql(dialect="athena"))


def row_count(lake: Path, name: str) -> int:
    """Return the number of rows of a table's newest version. Raises QueryError."""
    return int(query(lake, f"SELECT count(*) FROM {name}")[1][0][0])


def version(lake: Path, name: str) -> int:
    """Return the newest version of a table. Raises QueryError."""
    return int(_open(lake, name).version())


def _select(sql: str, past: Past | None) -> exp.Expression:
    try:
        trees = [tree for tree in sqlglot.parse(sql, read="postgres") if tree is not None]
    except SqlglotError as error:
        raise QueryError(f"this is not valid SQL: {str(error).splitlines()[0]}") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query) or trees[0].find(*_WRITING):
        raise QueryError("give one SELECT statement: churn query only reads, the lake is written by churn run")
    return in_the_past(trees[0], past) if past else trees[0]


def _flat(name: str) -> str:
    return name.replace(".", "__")


def _open(lake: Path, name: str) -> DeltaTable:
    layer, _, table = name.partition(".")
    known = table_names(lake)
    if layer not in LAYERS or name not in known:
        raise QueryError(f"there is no table {name} in {lake}. Known: {', '.join(known) or 'none yet: churn run'}")
    try:
        return DeltaTable(str(lake / layer / table))
    except (TableNotFoundError, DeltaError) as error:
        first_line = str(error).partition("\n")[0]
        raise QueryError(
            f"{name} cannot be opened: {first_line}. If one of its files is damaged: churn repair"
        ) from error
