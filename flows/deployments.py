"""The deployments of the flows on this machine: work pool, deployments and automations of one Prefect server."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas import filters
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from contract.errors import MachineError
from infrastructure.local.paths import PACKAGES, log_file
from infrastructure.local.services import POOL

ENVIRONMENT = "local"


def deployment_folder() -> Path:
    """Return the folder with prefect.yaml and automations.yaml: in an installed package, or the checkout."""
    packaged = Path(__file__).with_name("deployment")
    return packaged if packaged.exists() else PACKAGES


def deploy_local(*, worker_runs: bool) -> str:
    """Create or update work pool, deployments and automations of this machine; return what there is, in words.

    The same again changes nothing. Runs that a dead worker has left behind are ended. Raises MachineError.
    """
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        automations = _apply_automations(client)
        if not worker_runs:
            _end_dead_runs(client)
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--name", ENVIRONMENT]
    log = log_file("deploy")
    with log.open("wb") as output:
        finished = subprocess.run(
            command,
            cwd=deployment_folder(),
            env=os.environ | {"PYTHONPATH": str(PACKAGES)},
            stdout=output,
            stderr=output,
            check=False,
        )
    if finished.returncode != 0:
        raise MachineError(f"the deployments could not be created. See {log}")
    return f"{log.read_text(encoding='utf-8').count('successfully created')} deployments, {automations} automation"


def _end_dead_runs(client: Any) -> None:
    """Mark runs that a stopped or dead worker left behind as crashed: others wait for them."""
    alive = filters.FlowRunFilterState(
        type=filters.FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING, StateType.CANCELLING])
    )
    pool = filters.WorkPoolFilter(name=filters.WorkPoolFilterName(any_=[POOL]))
    dead = client.read_flow_runs(flow_run_filter=filters.FlowRunFilter(state=alive), work_pool_filter=pool)
    while dead:
        for run in dead:
            message = "its worker was stopped or died; the next run resumes where this one stopped"
            client.set_flow_run_state(run.id, Crashed(message=message), force=True)
        parents = filters.FlowRunFilterParentFlowRunId(any_=[run.id for run in dead])
        children = filters.FlowRunFilter(state=alive, parent_flow_run_id=parents)
        dead = client.read_flow_runs(flow_run_filter=children)


def _apply_automations(client: Any) -> int:
    """Create or update the automations of automations.yaml, by name; return how many there are."""
    content = yaml.safe_load((deployment_folder() / "automations.yaml").read_text(encoding="utf-8"))
    for wanted in content["automations"]:
        automation = AutomationCore.model_validate(wanted)
        present = client.read_automations_by_name(automation.name)
        if not present:
            client.create_automation(automation)
        elif AutomationCore.model_validate(present[0].model_dump()) != automation:
            # Only then: an updated automation loses the events it has counted.
            client.update_automation(present[0].id, automation)
    return len(content["automations"])
