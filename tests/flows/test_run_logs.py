"""What the pipeline logs is in the run's log in Prefect, in a process that has no settings but those of its deployment."""

import os
import subprocess
import sys

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from infrastructure.local.services import RUN_LOGGING
from tests.support.installed import PROJECT
from tests.support.waiting import wait_for

_FLOW = """
from prefect import flow
from contract.log import LOGGER
import tasks.defaults
@flow
def logging_flow():
    LOGGER.info("planted line of the script")
logging_flow()
LOGGER.warning("and one outside of a run")
"""


def _lines_in_prefect(settings):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = plain | {"PREFECT_API_URL": PREFECT_API_URL.value(), "PYTHONPATH": str(PROJECT)} | settings
    done = subprocess.run(
        [sys.executable, "-c", _FLOW], env=environment, cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with get_client(sync_client=True) as client:
        return wait_for(lambda: [log.message for log in client.read_logs()]), done.stderr


def test_deployment_s_settings_bring_the_pipeline_s_lines_into_the_run_s_log(prefect_harness):
    without, _ = _lines_in_prefect({})
    assert "planted line of the script" not in without
    lines, errors = _lines_in_prefect(RUN_LOGGING)
    assert "planted line of the script" in lines
    assert "and one outside of a run" not in lines
    assert "Traceback" not in errors
