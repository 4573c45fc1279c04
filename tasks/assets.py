"""The lake's tables and the warehouse table as Prefect assets: their upstreams, rows and versions."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from prefect import task
from prefect.assets import Asset, AssetProperties, add_asset_metadata, materialize

from blocks.platform import Platform
from contract.tables import RAW, TABLES
from lake.results import JobResult
from serving.warehouse.sql import TARGET
from tasks.defaults import TAGS
from tasks.warehouse import Load

_OPTIONS: dict[str, Any] = {"tags": TAGS, "persist_result": False}
_NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9/:._-]")


def materializing(
    function: Callable[..., Any], platform: Platform, results: Sequence[JobResult], **options: Any
) -> Callable[..., Any]:
    """Return `function` as a task that materializes the tables of `results` with new data, from what they read."""
    tables = [TABLES[str(result.table)] for result in results if result.is_batch and result.outcome != "unchanged"]
    if not tables:
        return task(**_OPTIONS, **options)(function)
    own = {table.name for table in tables}
    upstream = dict.fromkeys(name for table in tables for name in table.reads if name not in own)
    assets = [Asset(key=_key(platform, t.name), properties=AssetProperties(name=t.name)) for t in tables]
    return materialize(
        *assets, by="Spark", asset_deps=[_key(platform, name) for name in upstream], **_OPTIONS, **options
    )(function)


def describe(platform: Platform, results: Sequence[JobResult]) -> None:
    """Add rows and version to the assets that the running task materializes."""
    for result in results:
        if result.is_published and result.table is not None:
            facts = {
                "version": result.version_after,
                "rows_read": result.rows_read,
                "rows_written": result.rows_written,
                "rows_quarantined": result.rows_quarantined,
                "outcome": result.outcome,
            }
            add_asset_metadata(_key(platform, result.table), facts)


def record_warehouse(platform: Platform, load: Load) -> None:
    """Record the warehouse table as an asset derived from gold, if this run loaded rows."""
    if not load.rows_loaded:
        return
    block = platform.required_warehouse()
    key = _NOT_IN_A_KEY.sub("-", f"redshift://{block.host}/{block.database}/{block.schema_name}/{TARGET}")

    def add_metadata() -> None:
        """Add version and rows to the asset."""
        add_asset_metadata(
            key, {"version": load.version, "rows_loaded": load.rows_loaded, "table_rows": load.table_rows}
        )

    asset = Asset(key=key, properties=AssetProperties(name=f"warehouse {TARGET}"))
    upstream: list[str | Asset] = [_key(platform, "gold.customer_churn_analysis")]
    materialize(asset, by="COPY", asset_deps=upstream, name="warehouse-asset", task_run_name="asset", **_OPTIONS)(
        add_metadata
    )()


def _key(platform: Platform, table: str) -> str:
    """Where a table is, as a URI; "raw" is the place of the raw files."""
    place = (platform.raw or RAW) if table == RAW else f"{platform.lake.rstrip('/')}/{table.replace('.', '/')}"
    return _NOT_IN_A_KEY.sub("-", place if "://" in place else f"file://{place}")
