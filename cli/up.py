"""`churn up` and `churn blocks`."""

import os
from pathlib import Path

from pydantic import SecretStr

from blocks.notify import ChatWebhook
from blocks.platform import Platform
from blocks.registry import register_blocks
from flows.deployments import ENVIRONMENT, deploy_local
from infrastructure.local.paths import lake_folder
from infrastructure.local.services import (
    HOST,
    POOL,
    PREFECT,
    WAREHOUSE,
    WATCHER,
    WORKER,
    running_port,
    start,
    wait_until_ready,
)

WEBHOOK_SETTING = "CHURN_WEBHOOK_URL"


def up(raw: Path, lake: Path | None) -> None:
    """Start everything that runs the platform on this machine, one line each; what runs already is left alone.

    Prefect's server and the warehouse have been started: see `cli.startup`. Raises MachineError.
    """
    raw, root = raw.resolve(), (lake or lake_folder()).resolve()
    raw.mkdir(parents=True, exist_ok=True)
    port = wait_until_ready(PREFECT)
    _report("Prefect", f"http://{HOST}:{port}")
    _report("Warehouse", f"{HOST}:{wait_until_ready(WAREHOUSE)}")
    _save_platform(raw, root)
    _report("Blocks", f"{register_blocks()} types, platform {ENVIRONMENT}: lake {root}")
    _report("Deployments", deploy_local(worker_runs=running_port(WORKER) is not None))
    start(WORKER)
    start(WATCHER, "--raw", str(raw), "--lake", str(root))
    wait_until_ready(WORKER)
    _report("Worker", f"work pool {POOL}")
    wait_until_ready(WATCHER)
    _report("Watcher", f"raw files in {raw}")
    print(f"Everything runs. Put files into {raw}; see http://{HOST}:{port}; stop with: churn down")


def register() -> None:
    """Register the platform's block types with Prefect, and print how many."""
    print(f"{register_blocks()} block types registered")


def _save_platform(raw: Path, root: Path) -> None:
    """The platform block of this machine; a notifier that was set in Prefect is kept."""
    try:
        saved = Platform.load(ENVIRONMENT)
    except ValueError:
        notifier = None
    else:
        assert isinstance(saved, Platform)
        notifier = saved.notifier
    webhook = os.environ.get(WEBHOOK_SETTING)
    if webhook:
        notifier = ChatWebhook(url=SecretStr(webhook))
    platform = Platform.local(root).model_copy(update={"raw": str(raw), "notifier": notifier})
    platform.save(ENVIRONMENT, overwrite=True)


def _report(name: str, detail: str) -> None:
    print(f"{name + ':':<13}{detail}", flush=True)
