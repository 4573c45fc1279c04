"""Prefect blocks: what differs between local and AWS."""

MODULES = ("arrivals", "athena", "catalog", "crawlers", "glue", "notify", "platform", "redshift", "tableau")
