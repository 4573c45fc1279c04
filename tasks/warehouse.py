"""gold to the warehouse: one exported table version, in one transaction."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import redshift_connector
from prefect import task

from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse, run
from tasks import warehouse_sql as sql
from tasks.defaults import PATIENT, TAGS
from transforms.errors import WarehouseError
from transforms.exports import Export, ExportColumn, Exports, TableVersion

_log = logging.getLogger("churn")


@dataclass(frozen=True)
class Load:
    """What the warehouse holds now, and how many rows this load brought (0: it was up to date)."""

    version: int | None
    rows_loaded: int
    table_rows: int


@task(
    name="warehouse-version",
    task_run_name="warehouse version",
    tags=TAGS,
    **PATIENT,
    timeout_seconds=300,
    persist_result=False,
)
def loaded_version(platform: Platform) -> TableVersion | None:
    """The gold version that the warehouse holds, if any: the next export starts there."""
    with platform.warehouse.connection() as connection:
        run(connection, sql.create_audit(platform.warehouse.schema_name))
        version = _last_load(connection, platform)
        connection.commit()
    return version


@task(
    name="load-warehouse",
    task_run_name="warehouse {version}",
    tags=TAGS,
    **PATIENT,
    timeout_seconds=3600,
    persist_result=False,
)
def load_warehouse(platform: Platform, version: int | None) -> Load:
    """Load the export of gold `version`; a version that is there already changes nothing."""
    if version is None:
        return Load(None, 0, 0)
    exports = Exports(platform.folder())
    with platform.warehouse.connection() as connection:
        run(connection, sql.create_audit(platform.warehouse.schema_name))
        present = _last_load(connection, platform)
        # The export job leaves no export where the warehouse has this very version.
        exported = exports.read(version).table_id if exports.exists(version) else present and present.table_id
        if present and present == TableVersion(exported or "", version):
            _log.info("warehouse: has version %d already", version)
            if _define_views(connection, platform.warehouse, _columns(connection, platform.warehouse)):
                _grant(connection, platform.warehouse)
            connection.commit()
            return Load(version, 0, _count(connection, f"{platform.warehouse.schema_name}.{sql.TARGET}"))
        export = exports.read(version)
        migrate(connection, platform.warehouse, export.columns)
        if not export.is_full and present != TableVersion(export.table_id, export.base_version or 0):
            raise WarehouseError(
                f"the export holds the changes since version {export.base_version}, "
                f"the warehouse has {present or 'none'}. "
                "Run the road again: it exports what is missing."
            )
        _replace(connection, platform, export, exports.manifest(version))
    _log.info("warehouse: %s rows loaded, %s in the table", f"{export.rows:,}", f"{export.table_rows:,}")
    return Load(version, export.rows, export.table_rows)


def _last_load(connection: redshift_connector.Connection, platform: Platform) -> TableVersion | None:
    found = run(connection, sql.last_load(platform.warehouse.schema_name))
    return TableVersion(str(found[0][0]), int(found[0][1])) if found else None


def migrate(
    connection: redshift_connector.Connection, warehouse: RedshiftWarehouse, columns: Sequence[ExportColumn]
) -> None:
    """Create what is missing, add new columns, make views of older definitions again, let the BI group read."""
    schema = warehouse.schema_name
    present = _columns(connection, warehouse)
    added = [column for column in columns if column.name not in present]
    if not present:
        for statement in (sql.create_target(schema, columns), *sql.comments(schema, columns)):
            run(connection, statement)
    else:
        for column in added:
            run(connection, sql.add_column(schema, column))
    _define_views(connection, warehouse, [*present, *(column.name for column in added)])
    _grant(connection, warehouse)
    connection.commit()


def _columns(connection: redshift_connector.Connection, warehouse: RedshiftWarehouse) -> list[str]:
    """Names of the table's columns; none where there is no table."""
    return [str(row[0]) for row in run(connection, sql.existing_columns(warehouse.schema_name))]


def _define_views(
    connection: redshift_connector.Connection, warehouse: RedshiftWarehouse, columns: Sequence[str]
) -> bool:
    """Make the views again whose definition is not today's; whether there was one."""
    described = dict(run(connection, sql.view_comments(warehouse.schema_name)))
    views = sql.views(warehouse.schema_name, columns)
    outdated = [view for view in views if described.get(view.name) != view.comment]
    for view in outdated:
        _make_again(connection, view)
    return bool(outdated)


def _make_again(connection: redshift_connector.Connection, view: sql.View) -> None:
    try:
        for statement in view.statements:
            run(connection, statement)
    except WarehouseError as error:
        if "depend on it" not in str(error):
            raise
        raise WarehouseError(
            f"{error}. The definition of {view.name} has changed: drop the views that stand on it, "
            "run the road again, then make them again."
        ) from error


def _grant(connection: redshift_connector.Connection, warehouse: RedshiftWarehouse) -> None:
    """Let the BI group read, if there is to be one."""
    group = warehouse.bi_group
    if not group:
        return
    if not run(connection, sql.find_group(group)):
        run(connection, sql.create_group(group))
    for statement in sql.grants(warehouse.schema_name, group):
        run(connection, statement)


def _replace(connection: redshift_connector.Connection, platform: Platform, export: Export, manifest: str) -> None:
    """Stage, check, replace, check again, note: all or nothing."""
    schema = platform.warehouse.schema_name
    run(connection, sql.create_staging(export.columns))
    run(connection, sql.copy_staging(manifest, platform.warehouse.iam_role))
    _check_count(connection, sql.STAGING, export.rows)
    run(connection, sql.delete_replaced(schema, is_full=export.is_full))
    run(connection, sql.insert_staged(schema, export.columns))
    _check_count(connection, f"{schema}.{sql.TARGET}", export.table_rows)
    noted = (export.table_id, export.version, export.is_full, export.rows, export.table_rows, export.run_id)
    run(connection, sql.insert_audit(schema), noted)
    connection.commit()


def _check_count(connection: redshift_connector.Connection, table: str, expected: int) -> None:
    found = _count(connection, table)
    if found != expected:
        raise WarehouseError(f"{table} has {found} rows after the load, {expected} were exported; rolled back")


def _count(connection: redshift_connector.Connection, table: str) -> int:
    return int(run(connection, sql.count(table))[0][0])
