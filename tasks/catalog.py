"""silver and gold to the catalog, for Athena."""

import logging

from prefect import task

from blocks.platform import Platform
from tasks.defaults import PATIENT, TAGS

_log = logging.getLogger("churn")


@task(
    name="register-tables",
    task_run_name="catalog",
    tags=TAGS,
    **PATIENT,
    timeout_seconds=300,
    persist_result=False,
)
def register_tables(platform: Platform) -> list[str]:
    """Keep the catalog's schema in line with the tables; what was changed, in words."""
    changes = platform.register_tables()
    for change in changes:
        _log.info("catalog: %s", change)
    return changes
