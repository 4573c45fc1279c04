"""Crawl raw files and Delta tables, and report what differs from the contract."""

from prefect import flow

from blocks.platform import Platform
from tasks.crawlers import report_drift


@flow(name="schema-drift", flow_run_name="schema drift", persist_result=False)
def schema_drift(platform: Platform) -> list[str]:
    """Return a line per difference between the schemas that crawlers infer and the declared ones. Raises PlatformError."""
    return report_drift(platform)
