"""silver and gold to the catalog, for Athena."""

from prefect import task

from blocks.platform import Platform
from contract.log import LOGGER
from contract.tables import TABLES
from lake.delta_log import is_table
from tasks.defaults import RETRY_ON_OUTAGE, TAGS

REGISTERED_LAYERS = ("silver", "gold")


@task(
    name="register-tables",
    task_run_name="catalog",
    tags=TAGS,
    **RETRY_ON_OUTAGE,
    timeout_seconds=300,
    persist_result=False,
)
def register_tables(platform: Platform) -> list[str]:
    """Keep the catalog's schemas in line with the tables; return a line per change, none without a catalog. Raises PlatformError."""
    if platform.catalog is None:
        return []
    folder = platform.folder()
    changes = [
        change
        for table in TABLES.values()
        if table.layer in REGISTERED_LAYERS and is_table(folder, table.path)
        for change in platform.catalog.register(table, f"{platform.lake.rstrip('/')}/{table.path}")
    ]
    for change in changes:
        LOGGER.info("catalog: %s", change)
    return changes
