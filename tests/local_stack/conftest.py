"""A machine on which everything runs: `churn up`, a webhook for alerts, and questions to Prefect over its API."""

import json

import httpx
import psutil
import pytest

from tests.support.command import CommandHarness
from tests.support.receivers import Webhook
from tests.support.waiting import wait_for

_LONGEST_SECONDS = 240


class Room(CommandHarness):
    """A machine with its control room."""

    def __init__(self, folder, bin_folder, webhook):
        super().__init__(folder, bin_folder)
        self.webhook = webhook
        self.raw = folder / "raw"
        self.environment |= {"CHURN_WEBHOOK_URL": webhook.url}
        self.api = f"http://127.0.0.1:{self.environment['CHURN_PREFECT_PORT']}/api"

    def up(self):
        done = self.churn("up", "--raw", str(self.raw))
        assert done.code == 0, done.err
        return done.out

    def send(self, method, path, body=None):
        """The server's answer. While its database is locked by another writer it says 503; Prefect's own client asks again too."""

        def answer():
            given = httpx.request(method, f"{self.api}/{path}", json=body, timeout=30)
            return given if given.status_code != httpx.codes.SERVICE_UNAVAILABLE else None

        given = wait_for(answer, pause=1)
        given.raise_for_status()
        return given

    def ask(self, what, **body):
        return self.send("POST", f"{what}/filter", body).json()

    def runs(self, flow="churn-pipeline"):
        """Its runs, the latest created first."""
        found = self.ask("flow_runs", flows={"name": {"any_": [flow]}}, sort="EXPECTED_START_TIME_DESC")
        return [run for run in found if run["state_type"] != "SCHEDULED" or run["state_name"] != "Scheduled"]

    def deployment(self, flow="churn-pipeline"):
        return self.send("GET", f"deployments/name/{flow}/local").json()

    def process(self, service):
        record = json.loads((self.folder / "state" / "services" / f"{service}.json").read_text())
        return psutil.Process(record["pid"])

    def until(self, condition):
        """The first true value; the worker's log where there is none in time."""
        try:
            return wait_for(condition, _LONGEST_SECONDS, pause=0.3)
        except AssertionError as error:
            log = (self.folder / "state" / "logs" / "worker.log").read_text()
            raise AssertionError(f"it did not happen. The runs: {self.runs()}\n{log[-4000:]}") from error

    def ended(self, state, count=1):
        """`count` runs of the pipeline that ended in this state, when there are so many."""
        found = [run for run in self.runs() if run["state_type"] == state]
        return found if len(found) >= count else None


@pytest.fixture(scope="session")
def room(tmp_path_factory, installed):
    webhook = Webhook()
    place = Room(tmp_path_factory.mktemp("local stack"), installed, webhook)
    place.printed = place.up()
    yield place
    assert place.churn("down").code == 0
    webhook.stop()
