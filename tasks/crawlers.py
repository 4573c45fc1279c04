"""Schema drift: what the crawlers infer, compared with what is declared."""

from prefect import task
from prefect.artifacts import create_table_artifact

from blocks.catalog import compare_columns
from blocks.platform import Platform
from contract.feeds import FEEDS, column_for_header, missing_columns
from contract.log import LOGGER
from contract.tables import TABLES
from tasks.defaults import TAGS


@task(name="schema-drift", task_run_name="schema drift", tags=TAGS, timeout_seconds=3600, persist_result=False)
def report_drift(platform: Platform) -> list[str]:
    """Run every crawler of the platform; return a line per difference between inferred and declared schemas.

    Drift is reported and stops nothing: a crawler guesses types, the contract is ours. Raises PlatformError.
    """
    drift = [line for crawler in platform.crawlers for line in _drift(crawler.crawl())]
    for line in drift:
        LOGGER.warning("schema drift: %s", line)
    create_table_artifact(
        key="schema-drift", table=[{"difference": line} for line in drift], description="Inferred against declared"
    )
    return drift


def _drift(inferred: dict[str, dict[str, str]]) -> list[str]:
    declared = {table.short_name: table for table in TABLES.values() if table.layer != "bronze"}
    lines = []
    for name, columns in inferred.items():
        if name in declared:
            wanted = {field.name: field.type for field in declared[name].schema}
            lines += [f"{declared[name].name}: {line}" for line in compare_columns(columns, wanted)]
            continue
        feed = FEEDS.get(name)
        if feed is None:
            lines.append(f"raw/{name}: no feed of that name")
            continue
        lines += [
            f"raw/{name}: column {column} is not in the contract"
            for column in columns
            if column_for_header(column) is None
        ]
        lines += [f"raw/{name}: required column {column} is missing" for column in missing_columns(feed, columns)]
    return lines
