"""What the crawlers see against what is declared."""

import logging

from prefect import task
from prefect.artifacts import create_table_artifact

from blocks.catalog import compare_columns
from blocks.platform import Platform
from tasks.defaults import TAGS

_log = logging.getLogger("churn")


@task(name="schema-drift", task_run_name="schema drift", tags=TAGS, timeout_seconds=3600, persist_result=False)
def report_drift(platform: Platform) -> list[str]:
    """Run every crawler of the platform; how inferred schemas differ from the declared ones, in words.

    Drift is reported and stops nothing: a crawler guesses types, the contract is ours.
    """
    drift = [line for crawler in platform.crawlers for line in _drift(crawler.crawl())]
    for line in drift:
        _log.warning("schema drift: %s", line)
    create_table_artifact(
        key="schema-drift", table=[{"difference": line} for line in drift], description="Inferred against declared"
    )
    return drift


def _drift(inferred: dict[str, dict[str, str]]) -> list[str]:
    from transforms.feeds import FEEDS, canonical
    from transforms.tables import TABLES

    declared = {table.short_name: table for table in TABLES.values() if table.layer != "bronze"}
    lines = []
    for name, columns in inferred.items():
        if name in declared:
            wanted = {field.name: field.dataType.simpleString() for field in declared[name].schema}
            lines += [f"{declared[name].name}: {line}" for line in compare_columns(columns, wanted)]
            continue
        feed = FEEDS.get(name)
        if feed is None:
            lines.append(f"raw/{name}: no feed of that name")
            continue
        known = {canonical(column) for column in columns}
        lines += [
            f"raw/{name}: column {column} is not of the contract" for column in columns if canonical(column) is None
        ]
        lines += [f"raw/{name}: required column {column} is missing" for column in feed.required if column not in known]
    return lines
