"""How fresh gold is, for the alarm of those who operate the platform."""

from datetime import UTC, datetime

from prefect import task

from blocks.platform import Platform
from contract.log import LOGGER
from contract.tables import TABLES
from lake.delta_log import last_change
from tasks.defaults import RETRY_ON_OUTAGE, TAGS

GOLD_AGE = "GoldAgeHours"
_TABLE = TABLES["gold.churn_kpis"]  # every run that changes gold writes it


@task(
    name="record-gold-age",
    task_run_name="metrics",
    tags=TAGS,
    **RETRY_ON_OUTAGE,
    timeout_seconds=300,
    persist_result=False,
)
def record_gold_age(platform: Platform) -> float | None:
    """Write the hours since gold last changed, and return them; None without metrics or gold. Raises PlatformError."""
    changed = last_change(platform.folder(), _TABLE.path) if platform.metrics else None
    if platform.metrics is None or changed is None:
        return None
    hours = (datetime.now(UTC) - changed).total_seconds() / 3600
    platform.metrics.put(GOLD_AGE, hours)
    LOGGER.info("metrics: gold is %.1f hours old", hours)
    return hours
