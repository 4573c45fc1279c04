"""Schema drift: what the crawlers infer, compared with what is declared."""

from prefect import task
from prefect.artifacts import create_table_artifact

from blocks.catalog import compare_columns
from blocks.crawlers import CrawledTable
from blocks.platform import Platform
from contract.feeds import FEEDS, column_for_header, missing_columns
from contract.log import LOGGER
from contract.tables import TABLES
from tasks.defaults import TAGS


@task(name="schema-drift", task_run_name="schema drift", tags=TAGS, timeout_seconds=3600, persist_result=False)
def report_drift(platform: Platform) -> list[str]:
    """Run every crawler of the platform; return a line per difference between inferred and declared schemas.

    Raw files are compared with the columns of their feed in the contract, tables of the lake with their schema. Drift is
    reported and stops nothing: a crawler guesses types, the contract is ours. Raises PlatformError.
    """
    drift = [
        line for crawler in platform.crawlers for table in crawler.crawl() for line in _drift(table, platform.lake)
    ]
    for line in drift:
        LOGGER.warning("schema drift: %s", line)
    create_table_artifact(
        key="schema-drift", table=[{"difference": line} for line in drift], description="Inferred against declared"
    )
    return drift


def _drift(found: CrawledTable, lake: str) -> list[str]:
    """The differences of one crawled table, by its place: a feed and a table of ours may have the same name."""
    folder = f"{lake.rstrip('/')}/"
    if found.location.startswith(folder):
        return _table_drift(found, found.location.removeprefix(folder).rstrip("/").replace("/", "."))
    return _feed_drift(found)


def _table_drift(found: CrawledTable, name: str) -> list[str]:
    if name not in TABLES:
        return [f"{name}: no table of that name"]
    wanted = {field.name: field.type for field in TABLES[name].schema}
    return [f"{name}: {line}" for line in compare_columns(found.columns, wanted)]


def _feed_drift(found: CrawledTable) -> list[str]:
    feed = FEEDS.get(found.name)
    if feed is None:
        return [f"raw/{found.name}: no feed of that name"]
    unknown = [column for column in found.columns if column_for_header(column) is None]
    missing = missing_columns(feed, found.columns)
    return [
        *(f"raw/{feed.name}: column {column} is not in the contract" for column in unknown),
        *(f"raw/{feed.name}: required column {column} is missing" for column in missing),
    ]
