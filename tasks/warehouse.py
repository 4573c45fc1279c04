"""gold to the warehouse: one exported table version, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

import redshift_connector
from prefect import task

from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from contract.errors import DependentViewError, WarehouseError
from contract.log import LOGGER
from lake.checksums import ROWS, checksums, differences
from lake.erasure.upkeep import WarehouseUpkeep
from lake.exports import Export, ExportColumn, Exports, TableVersion
from serving.warehouse import sql
from serving.warehouse.statements import execute
from tasks.defaults import RETRY_ON_OUTAGE, TAGS


@dataclass(frozen=True)
class Load:
    """What the warehouse has now, and how many rows this load brought (0: it was up to date).

    `differences` are the checksums (see `lake.checksums`) in which its rows differ from those of the lake: it was left as
    it was, and needs a full load. `note` says in words what was out of the ordinary.
    """

    version: int | None
    rows_loaded: int
    table_rows: int
    differences: tuple[str, ...] = ()
    note: str = ""


NOT_LOADED = Load(None, 0, 0)


@task(
    name="warehouse-version",
    task_run_name="warehouse version",
    tags=TAGS,
    **RETRY_ON_OUTAGE,
    timeout_seconds=300,
    persist_result=False,
)
def loaded_version(platform: Platform) -> TableVersion | None:
    """Return the gold version that the warehouse has, None for none: the next export starts there. Raises WarehouseError."""
    warehouse = platform.warehouse
    if warehouse is None:
        return None
    with warehouse.connection() as connection:
        _prepare_audit(connection, warehouse)
        version = _last_load(connection, warehouse)
        connection.commit()
    return version


def export_arguments(platform: Platform, present: TableVersion | None) -> dict[str, str]:
    """Return arguments of the export job: whether there is a warehouse, and the gold version that is `present` there.

    Everything is exported where none is, or where it is not known because the warehouse cannot be reached: that can be
    loaded whatever it has.
    """
    return {"has_warehouse": str(platform.warehouse is not None).lower(), "warehouse_version": str(present or "")}


@task(
    name="load-warehouse",
    task_run_name="warehouse {version}",
    tags=TAGS,
    **RETRY_ON_OUTAGE,
    timeout_seconds=3600,
    persist_result=False,
)
def load_warehouse(platform: Platform, version: int | None, *, again: bool = False) -> Load:
    """Load the export of gold `version` and return what the warehouse has then.

    A version that is there already changes nothing, unless it is to be loaded `again`. The rows are compared with the lake's in any case. Raises WarehouseError.
    """
    if version is None:
        return NOT_LOADED
    warehouse = platform.required_warehouse()
    export, manifest = Exports(platform.folder()).read(version), Exports(platform.folder()).manifest(version)
    with warehouse.connection() as connection:
        _prepare_audit(connection, warehouse)
        present = _last_load(connection, warehouse)
        if present == export.table_version and not again:
            LOGGER.info("warehouse: has version %d already", version)
            if _define_views(connection, warehouse, _columns(connection, warehouse)):
                _grant(connection, warehouse)
            connection.commit()
            rows = _count(connection, f"{warehouse.schema_name}.{sql.TARGET}")
            return Load(version, 0, rows, _differences(connection, warehouse, export))
        migrate(connection, warehouse, export.columns)
        if not export.is_full and (present is None or not _starts_at(export, present)):
            raise WarehouseError(
                f"the export holds the changes since version {export.base_version}, "
                f"the warehouse has {present or 'none'}. "
                "Run the pipeline again: it exports what is missing."
            )
        differing = _replace(connection, warehouse, export, manifest)
        if differing:
            return Load(version, 0, _count(connection, f"{warehouse.schema_name}.{sql.TARGET}"), differing)
    LOGGER.info("warehouse: %s rows loaded, %s in the table", f"{export.rows:,}", f"{export.table_rows:,}")
    return Load(version, export.rows, export.table_rows)


@task(
    name="vacuum-warehouse",
    task_run_name="vacuum",
    tags=TAGS,
    **RETRY_ON_OUTAGE,
    timeout_seconds=3600,
    persist_result=False,
)
def vacuum_warehouse(platform: Platform) -> None:
    """Let no byte of replaced rows be left in the warehouse's table, and note that. Raises WarehouseError."""
    warehouse = platform.required_warehouse()
    with warehouse.connection() as connection:
        connection.autocommit = True
        execute(connection, sql.vacuum(warehouse.schema_name))
    WarehouseUpkeep(platform.folder()).close()


def _starts_at(export: Export, present: TableVersion) -> bool:
    return (present.table_id, present.version) == (export.table_id, export.base_version)


def _prepare_audit(connection: redshift_connector.Connection, warehouse: RedshiftWarehouse) -> None:
    """Create schema and load audit where they are missing; to create a schema that is there needs the right to do so, too."""
    if not execute(connection, sql.find_schema(warehouse.schema_name)):
        execute(connection, sql.create_schema(warehouse.schema_name))
    execute(connection, sql.create_audit(warehouse.schema_name))
    columns = [row[0] for row in execute(connection, sql.existing_columns(warehouse.schema_name, sql.AUDIT))]
    if "lineage" not in columns:
        execute(connection, sql.add_lineage(warehouse.schema_name))


def _last_load(connection: redshift_connector.Connection, warehouse: RedshiftWarehouse) -> TableVersion | None:
    found = execute(connection, sql.last_load(warehouse.schema_name))
    return TableVersion(str(found[0][0]), int(found[0][1]), str(found[0][2] or "")) if found else None


def migrate(
    connection: redshift_connector.Connection, warehouse: RedshiftWarehouse, columns: Sequence[ExportColumn]
) -> None:
    """Create what is missing, add new columns, recreate views of older definitions, let the BI group read. Raises WarehouseError."""
    schema = warehouse.schema_name
    present = _columns(connection, warehouse)
    added = [column for column in columns if column.name not in present]
    if not present:
        for statement in (sql.create_target(schema, columns), *sql.comments(schema, columns)):
            execute(connection, statement)
    else:
        for column in added:
            execute(connection, sql.add_column(schema, column))
    _define_views(connection, warehouse, [*present, *(column.name for column in added)])
    _grant(connection, warehouse)
    connection.commit()


def _columns(connection: redshift_connector.Connection, warehouse: RedshiftWarehouse) -> list[str]:
    """Names of the table's columns; empty where there is no table."""
    return [str(row[0]) for row in execute(connection, sql.existing_columns(warehouse.schema_name))]


def _define_views(
    connection: redshift_connector.Connection, warehouse: RedshiftWarehouse, columns: Sequence[str]
) -> bool:
    """Recreate the views whose definition is not today's; return whether there was one."""
    described = dict(execute(connection, sql.view_comments(warehouse.schema_name)))
    views = sql.views(warehouse.schema_name, columns)
    outdated = [view for view in views if not described.get(view.name, "").endswith(view.definition)]
    for view in views:
        if view in outdated:
            _recreate(connection, view)
        elif described[view.name] != view.comment:
            execute(connection, view.describe)  # only its words have changed: views that depend on it stay
    return bool(outdated)


def _recreate(connection: redshift_connector.Connection, view: sql.View) -> None:
    try:
        for statement in view.statements:
            execute(connection, statement)
    except DependentViewError as error:
        raise DependentViewError(
            f"{error}. The definition of {view.name} has changed: drop the views that depend on it, "
            "run the pipeline again, then recreate them."
        ) from error


def _grant(connection: redshift_connector.Connection, warehouse: RedshiftWarehouse) -> None:
    """Let the BI group read, if one is configured."""
    group = warehouse.bi_group
    if not group:
        return
    if not execute(connection, sql.find_group(group)):
        execute(connection, sql.create_group(group))
    for statement in sql.grants(warehouse.schema_name, group):
        execute(connection, statement)


def _replace(
    connection: redshift_connector.Connection, warehouse: RedshiftWarehouse, export: Export, manifest: str
) -> tuple[str, ...]:
    """Stage, check, replace, compare, record: all or nothing. Return what differs from the lake after changes were loaded."""
    schema = warehouse.schema_name
    execute(connection, sql.create_staging(export.columns))
    execute(connection, sql.copy_staging(manifest, warehouse.iam_role))
    staged = _count(connection, sql.STAGING)
    if staged != export.rows:
        raise WarehouseError(
            f"{sql.STAGING} has {staged} rows after the load, {export.rows} were exported; rolled back"
        )
    execute(connection, sql.delete_replaced(schema, is_full=export.is_full))
    execute(connection, sql.insert_staged(schema, export.columns))
    differing = _differences(connection, warehouse, export)
    if differing and export.is_full:
        raise WarehouseError(
            f"{schema}.{sql.TARGET} differs from what was exported, after all of it was loaded, in: "
            f"{', '.join(differing)}; rolled back. Run the pipeline again; if it happens again, the warehouse changes "
            "values as it loads them"
        )
    if differing:
        connection.rollback()
        return differing
    loaded = (export.table_id, export.version, export.is_full, export.rows, export.table_rows, export.run_id)
    execute(connection, sql.insert_audit(schema), (*loaded, export.lineage))
    connection.commit()
    return ()


def _differences(
    connection: redshift_connector.Connection, warehouse: RedshiftWarehouse, export: Export
) -> tuple[str, ...]:
    """What the table's rows differ in from those of the lake; only their number is known of an export of release 0.1.0."""
    if not export.checksums:
        rows = _count(connection, f"{warehouse.schema_name}.{sql.TARGET}")
        return () if rows == export.table_rows else (ROWS,)
    (values,) = execute(connection, sql.target_checksums(warehouse.schema_name, export.columns))
    return tuple(differences(export.checksums, checksums(export.columns, values)))


def _count(connection: redshift_connector.Connection, table: str) -> int:
    return int(execute(connection, sql.count(table))[0][0])
