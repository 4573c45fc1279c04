"""The SQL of a warehouse load, derived from the exported schema and the definitions of the KPIs."""

from collections.abc import Sequence
from dataclasses import dataclass

from contract.columns import KEY
from contract.metrics import CONDITIONS, METRICS, fingerprint
from lake.checksums import REDSHIFT, checksum_sql
from lake.exports import OPERATION_COLUMN, UPSERT, ExportColumn

TARGET = "customer_churn_analysis"
VIEW = "customer_churn_dashboard"
KPI_VIEW = "customer_churn_kpis"
AUDIT = "load_audit"
STAGING = "churn_staging"

_TYPES = {
    "int": "INTEGER",
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "double": "DOUBLE PRECISION",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
}


def find_schema(schema: str) -> str:
    """Return SQL that has a row when the schema exists."""
    return f"SELECT 1 FROM pg_namespace WHERE nspname = '{_escaped(schema)}'"


def create_schema(schema: str) -> str:
    """Return CREATE SCHEMA."""
    return f"CREATE SCHEMA {schema}"


def search_path(schema: str) -> str:
    """Return SET: names without a schema are looked for in this one."""
    return f"SET search_path TO {schema}"


def create_target(schema: str, columns: Sequence[ExportColumn]) -> str:
    """Return CREATE TABLE. Distribution, sort key and encodings are not named: Redshift chooses them by use (AUTO)."""
    lines = ",\n  ".join(_definition(column) for column in columns)
    return f"CREATE TABLE IF NOT EXISTS {schema}.{TARGET} (\n  {lines},\n  PRIMARY KEY ({KEY})\n)"


def column_type(column: ExportColumn) -> str:
    """Return the column's type in Redshift, e.g. `VARCHAR(256)`."""
    if column.type == "string":
        return f"VARCHAR({column.max_bytes})"
    if column.type.startswith("decimal"):
        return column.type.upper()
    return _TYPES[column.type]


def comments(schema: str, columns: Sequence[ExportColumn]) -> list[str]:
    """Return COMMENT ON COLUMN for every column."""
    return [f"COMMENT ON COLUMN {schema}.{TARGET}.{column.name} IS '{_escaped(column.comment)}'" for column in columns]


@dataclass(frozen=True)
class View:
    """A view and its query; its comment has a description for people, and the fingerprint of the query."""

    schema: str
    name: str
    meaning: str
    query: str

    @property
    def comment(self) -> str:
        """Return the comment that is stored with the view."""
        return f"{self.meaning} {self.definition}"

    @property
    def definition(self) -> str:
        """Return what the comment of a view with the same query ends in, whatever its description."""
        return f"Definition {fingerprint(self.query)}."

    @property
    def describe(self) -> str:
        """Return the statement that stores the comment."""
        return f"COMMENT ON VIEW {self.schema}.{self.name} IS '{_escaped(self.comment)}'"

    @property
    def statements(self) -> tuple[str, ...]:
        """Return the statements that recreate it: Redshift's CREATE OR REPLACE VIEW cannot change columns."""
        name = f"{self.schema}.{self.name}"
        return (
            f"DROP VIEW IF EXISTS {name}",
            f"CREATE VIEW {name} AS {self.query}",
            self.describe,
        )


def views(schema: str, columns: Sequence[str]) -> tuple[View, ...]:
    """Return the views for people: customers with a boolean column per KPI condition, and every KPI as it is now.

    `columns` are the names of the table's.
    """
    rows = ", ".join([*columns, *(f"{c.sql} AS {c.column}" for c in CONDITIONS)])
    kpis = ", ".join(f"{metric.sql} AS {name}" for name, metric in METRICS.items())
    source = f"FROM {schema}.{TARGET}"
    return (
        View(
            schema,
            VIEW,
            "Customers: gold.customer_churn_analysis, with one boolean column per KPI condition.",
            f"SELECT {rows} {source}",
        ),
        View(schema, KPI_VIEW, "Every KPI of docs/metrics.md, of all customers.", f"SELECT {kpis} {source}"),
    )


def view_comments(schema: str) -> str:
    """Return SQL of name and comment of the existing views."""
    return (
        "SELECT c.relname, d.description FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = 0 "
        f"WHERE n.nspname = '{schema}' AND c.relname IN ('{VIEW}', '{KPI_VIEW}')"
    )


def find_group(group: str) -> str:
    """Return SQL that has a row when the group exists."""
    return f"SELECT 1 FROM pg_group WHERE groname = '{_escaped(group)}'"


def create_group(group: str) -> str:
    """Return CREATE GROUP."""
    return f"CREATE GROUP {_identifier(group)}"


def grants(schema: str, group: str) -> list[str]:
    """Return what lets a BI group read the table and its views, and nothing else."""
    return [
        f"GRANT USAGE ON SCHEMA {schema} TO GROUP {_identifier(group)}",
        *(f"GRANT SELECT ON {schema}.{name} TO GROUP {_identifier(group)}" for name in (TARGET, VIEW, KPI_VIEW)),
    ]


def create_audit(schema: str) -> str:
    """Return CREATE TABLE of the load audit, one row per load."""
    return (
        f"CREATE TABLE IF NOT EXISTS {schema}.{AUDIT} (table_name VARCHAR(128) NOT NULL, "
        "table_id VARCHAR(64) NOT NULL, delta_version BIGINT NOT NULL, is_full BOOLEAN NOT NULL, rows_loaded BIGINT NOT NULL, "
        "table_rows BIGINT NOT NULL, run_id VARCHAR(64) NOT NULL, loaded_at TIMESTAMP NOT NULL, lineage VARCHAR(64))"
    )


def add_lineage(schema: str) -> str:
    """Return ALTER TABLE for a load audit of release 0.1.0."""
    return f"ALTER TABLE {schema}.{AUDIT} ADD COLUMN lineage VARCHAR(64)"


def add_column(schema: str, column: ExportColumn) -> str:
    """Return ALTER TABLE for a column that the warehouse does not have yet; old rows get null."""
    return f"ALTER TABLE {schema}.{TARGET} ADD COLUMN {column.name} {column_type(column)}"


def existing_columns(schema: str, table: str = TARGET) -> str:
    """Return SQL of the names of a table's columns, in order."""
    return (
        "SELECT column_name FROM information_schema.columns "
        f"WHERE table_schema = '{schema}' AND table_name = '{table}' ORDER BY ordinal_position"
    )


def last_load(schema: str) -> str:
    """Return SQL of the Delta table id, version and lineage of the newest load."""
    return (
        f"SELECT table_id, delta_version, lineage FROM {schema}.{AUDIT} WHERE table_name = '{TARGET}' "
        "ORDER BY loaded_at DESC, delta_version DESC LIMIT 1"
    )


def vacuum(schema: str) -> str:
    """Return VACUUM: the space of deleted rows is given back, and they with it. No transaction can have it."""
    return f"VACUUM DELETE ONLY {schema}.{TARGET} TO 100 PERCENT"


def create_staging(columns: Sequence[ExportColumn]) -> str:
    """Return CREATE TABLE with the columns in the order of the files: COPY FORMAT PARQUET loads by position."""
    lines = ", ".join(f"{column.name} {column_type(column)}" for column in columns)
    return f"CREATE TEMP TABLE {STAGING} ({lines}, {OPERATION_COLUMN} VARCHAR(1))"


def copy_staging(manifest: str, iam_role: str) -> str:
    """Return COPY of the files that a manifest lists, into the staging table."""
    return f"COPY {STAGING} FROM '{_escaped(manifest)}' IAM_ROLE '{_escaped(iam_role)}' FORMAT AS PARQUET MANIFEST"


def count(table: str) -> str:
    """Return SQL of the number of rows of a table."""
    return f"SELECT count(*) FROM {table}"


def delete_replaced(schema: str, *, is_full: bool) -> str:
    """Return DELETE of the rows that the staged ones replace; a full export replaces all."""
    target = f"{schema}.{TARGET}"
    if is_full:
        return f"DELETE FROM {target}"
    return f"DELETE FROM {target} USING {STAGING} WHERE {target}.{KEY} = {STAGING}.{KEY}"


def insert_staged(schema: str, columns: Sequence[ExportColumn]) -> str:
    """Return INSERT of the staged rows; deleted ones are left out."""
    names = ", ".join(column.name for column in columns)
    return (
        f"INSERT INTO {schema}.{TARGET} ({names}) SELECT {names} FROM {STAGING} WHERE {OPERATION_COLUMN} = '{UPSERT}'"
    )


def insert_audit(schema: str) -> str:
    """Return INSERT of one load. Parameters: table id, version, is_full, rows loaded, table rows, run id, lineage."""
    names = "table_name, table_id, delta_version, is_full, rows_loaded, table_rows, run_id, lineage, loaded_at"
    return f"INSERT INTO {schema}.{AUDIT} ({names}) VALUES ('{TARGET}', %s, %s, %s, %s, %s, %s, %s, GETDATE())"


def target_checksums(schema: str, columns: Sequence[ExportColumn]) -> str:
    """Return SQL of the checksums of the target's rows."""
    return f"SELECT {', '.join(checksum_sql(columns, REDSHIFT))} FROM {schema}.{TARGET}"


def _definition(column: ExportColumn) -> str:
    null = "" if column.nullable else " NOT NULL"
    return f"{column.name} {column_type(column)}{null}"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(text: str) -> str:
    return text.replace("'", "''")
