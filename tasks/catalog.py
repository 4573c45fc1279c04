"""silver and gold to the catalog, for Athena."""

import logging

from prefect import task
from prefect.tasks import exponential_backoff

from blocks.platform import Platform
from tasks.defaults import TAGS, is_worth_retrying

_log = logging.getLogger("churn")


@task(
    name="register-tables",
    task_run_name="catalog",
    tags=TAGS,
    retries=3,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    retry_condition_fn=is_worth_retrying,
    timeout_seconds=300,
    persist_result=False,
)
def register_tables(platform: Platform) -> list[str]:
    """Keep the catalog's schema in line with the tables; what was changed, in words."""
    changes = platform.register_tables()
    for change in changes:
        _log.info("catalog: %s", change)
    return changes
