"""`churn tableau build` and `churn tableau publish`."""

from pathlib import Path

from blocks.tableau import TableauServer
from cli.platforms import load_block, platform_or_local
from flows.publish_tableau import publish_tableau
from tasks.tableau import write_workbooks


def build(out: Path, platform: str | None) -> None:
    """Write both workbooks into `out` and print where. Raises TableauError, WarehouseError."""
    for path in write_workbooks(platform_or_local(platform), out):
        print(f"{path} ({path.stat().st_size:,} bytes)")


def publish(server: str, platform: str | None, *, live: bool, refresh: bool) -> None:
    """Publish the workbook and print its id. Raises TableauError, PlatformError."""
    block = load_block(TableauServer, server, "docs/dashboards.md says how to create one.")
    print(publish_tableau(platform_or_local(platform), block, live=live, refresh=refresh))
