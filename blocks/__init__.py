"""Prefect blocks: what differs between a laptop and AWS."""

MODULES = ("arrivals", "athena", "catalog", "crawlers", "glue", "notify", "platform", "redshift", "tableau")
