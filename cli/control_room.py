"""`churn up`, `churn down`, `churn watch` and `churn blocks`."""

import inspect
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.home import lake_folder, log_file
from local.services import (
    HOST,
    POOL,
    PREFECT,
    SERVICES,
    WAREHOUSE,
    WATCHER,
    WORKER,
    prefect_environment,
    running_port,
    start,
    stop,
    wait_until_ready,
)
from transforms.errors import ChurnError, MachineError, PlatformError

if TYPE_CHECKING:
    from prefect.blocks.core import Block

    from blocks.arrivals import Arrived

ENVIRONMENT = "local"
WEBHOOK_SETTING = "CHURN_WEBHOOK_URL"
_PROJECT = Path(__file__).resolve().parent.parent
_RETRY_SECONDS = 10.0


def up(raw: Path, lake: Path | None) -> None:
    """Start everything that runs the platform on this machine, one line each; what runs already is left alone."""
    raw, root = raw.resolve(), (lake or lake_folder()).resolve()
    raw.mkdir(parents=True, exist_ok=True)
    port = start(PREFECT)
    start(WAREHOUSE)
    os.environ.update(prefect_environment(port))
    _ready("Prefect", f"http://{HOST}:{wait_until_ready(PREFECT)}")
    _ready("Warehouse", f"{HOST}:{wait_until_ready(WAREHOUSE)}")
    _save_platform(raw, root)
    _ready("Blocks", f"{register_blocks()} types, platform {ENVIRONMENT}: lake {root}")
    _ready("Deployments", _deploy())
    start(WORKER)
    start(WATCHER, "--raw", str(raw), "--lake", str(root))
    wait_until_ready(WORKER)
    _ready("Worker", f"work pool {POOL}")
    wait_until_ready(WATCHER)
    _ready("Watcher", f"raw files in {raw}")
    print(f"Everything runs. Put files into {raw}; see http://{HOST}:{port}; stop with: churn down")


def down() -> None:
    """Stop what `churn up` and `churn run` have started; all state is kept."""
    for service in SERVICES:
        print(f"{service.name}: {'stopped' if stop(service) else 'was not running'}")


def watch(platform: str | None, raw: Path, lake: Path | None) -> None:
    """Turn arriving files into events until told to stop: those of a folder, or those that a platform's queue hears of."""
    from cli.cloud import use_prefect

    use_prefect()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    from tasks.arrivals import announce

    if platform:
        _watch_queue(platform, lambda files: announce(files, platform), stopped)
        return
    from local.watcher import watch as watch_folder

    watch_folder(
        raw.resolve(),
        (lake or lake_folder()).resolve(),
        lambda files: announce(files, ENVIRONMENT),
        stop=stopped,
        ready=lambda: WATCHER.ready.touch(),
    )


def _watch_queue(name: str, announce: "Callable[[Sequence[Arrived]], None]", stopped: threading.Event) -> None:
    from cli.cloud import load_platform

    queue = load_platform(name).arrivals
    if queue is None:
        raise PlatformError(f"the platform {name} has no queue of arrivals. Deploy it again with: churn deploy")
    print(f"Listening to {queue.queue_url}", flush=True)
    while not stopped.is_set():
        try:
            queue.receive(announce)
        except ChurnError as error:
            logging.getLogger("churn").warning("%s; trying again", error)
            stopped.wait(_RETRY_SECONDS)


def register_blocks() -> int:
    """Make every block type of the platform known to Prefect; how many."""
    found = list(block_types())
    for block in found:
        block.register_type_and_schema()
    return len(found)


def block_types() -> "Iterator[type[Block]]":
    """Every block class of the platform."""
    from prefect.blocks.core import Block

    import blocks

    for name in blocks.MODULES:
        module = import_module(f"blocks.{name}")
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, Block) and found.__module__ == module.__name__ and "[" not in found.__name__:
                yield found


def _save_platform(raw: Path, root: Path) -> None:
    """The platform block of this machine; a notifier that somebody has set in Prefect is kept."""
    from pydantic import SecretStr

    from blocks.notify import ChatWebhook
    from blocks.platform import Platform

    try:
        saved: Any = Platform.load(ENVIRONMENT)
    except ValueError:
        saved = None
    notifier = saved.notifier if saved else None
    webhook = os.environ.get(WEBHOOK_SETTING)
    if webhook:
        notifier = ChatWebhook(url=SecretStr(webhook))
    platform = Platform.local(root).model_copy(update={"raw": str(raw), "notifier": notifier})
    platform.save(ENVIRONMENT, overwrite=True)


def _deploy() -> str:
    """Work pool, deployments and automations of this machine; the same again changes nothing."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        automations = _apply_automations(client)
        if running_port(WORKER) is None:
            _end_dead_runs(client)
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--name", ENVIRONMENT]
    log = log_file("deploy")
    environment = os.environ | {"PYTHONPATH": str(_PROJECT)}
    with log.open("wb") as output:
        done = subprocess.run(command, cwd=_PROJECT, env=environment, stdout=output, stderr=output, check=False)
    if done.returncode != 0:
        raise MachineError(f"the deployments could not be made. See {log}")
    return f"{log.read_text(encoding='utf-8').count('successfully created')} deployments, {automations} automation"


def _end_dead_runs(client: Any) -> None:
    """Runs that were going when this machine's worker went: nobody would ever end them, and others wait for them."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    alive = filters.FlowRunFilterState(
        type=filters.FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING, StateType.CANCELLING])
    )
    pool = filters.WorkPoolFilter(name=filters.WorkPoolFilterName(any_=[POOL]))
    dead = client.read_flow_runs(flow_run_filter=filters.FlowRunFilter(state=alive), work_pool_filter=pool)
    while dead:
        for run in dead:
            message = "its worker was stopped or died; the next run goes on where this one stopped"
            client.set_flow_run_state(run.id, Crashed(message=message), force=True)
        parents = filters.FlowRunFilterParentFlowRunId(any_=[run.id for run in dead])
        children = filters.FlowRunFilter(state=alive, parent_flow_run_id=parents)
        dead = client.read_flow_runs(flow_run_filter=children)


def _apply_automations(client: Any) -> int:
    """automations.yaml, by name."""
    import yaml
    from prefect.events.schemas.automations import AutomationCore

    wanted = yaml.safe_load((_PROJECT / "automations.yaml").read_text(encoding="utf-8"))["automations"]
    for content in wanted:
        automation = AutomationCore.model_validate(content)
        present = client.read_automations_by_name(automation.name)
        if not present:
            client.create_automation(automation)
        elif AutomationCore.model_validate(present[0].model_dump()) != automation:
            # Only then: an updated automation forgets what it has been waiting for.
            client.update_automation(present[0].id, automation)
    return len(wanted)


def _ready(name: str, detail: str) -> None:
    print(f"{name + ':':<13}{detail}", flush=True)
