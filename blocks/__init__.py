"""Prefect blocks: what differs between local and AWS."""

MODULES = (
    "arrivals",
    "athena",
    "catalog",
    "crawlers",
    "glue",
    "lineage",
    "metrics",
    "notify",
    "platform",
    "redshift",
    "tableau",
)
