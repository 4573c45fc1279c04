"""One Spark session, one warehouse and one Prefect server per worker; each starts when it is first needed.

Fixtures import what they need themselves: the process that only hands out tests loads none of it.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.leftovers import mark_descendants, stop_descendants

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")

# pytest closes its folder of all sessions to other accounts whenever one starts; PostgreSQL, under its own account, loses
# its files then. So every checkout has a folder of its own.
_TEMPORARY = Path(tempfile.gettempdir(), f"churn-tests-{hashlib.sha256(__file__.encode()).hexdigest()[:8]}")
_TEMPORARY.mkdir(exist_ok=True)
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_TEMPORARY))

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


# What one process runs together, because it shares a lake, a server or a story; the longest first.
_GROUPS = (
    "tests/local_stack",
    "tests/cloud/test_cloud_pipeline.py",
    "tests/crash",
    "tests/flows",
    "tests/spark/test_silver.py",
    "tests/spark/test_table_repair.py",
    "tests/spark/test_change_capture.py",
    "tests/spark/test_snapshots.py",
    "tests/cli",
    "tests/golden",
    "tests/spark",
    "tests/upgrade",
    "tests/cloud",
    "tests/browser",
    "tests/unit",
)


def _group(nodeid: str) -> int:
    """The number of a test's group; groups are handed out in this order."""
    return next(number for number, folder in enumerate(_GROUPS) if nodeid.startswith(folder))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _group(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out whole groups. (xdist's own `loadgroup` does not see groups with pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            # Unit tests share nothing: their files fill up whichever process is free at the end.
            return nodeid.partition("::")[0] if nodeid.startswith("tests/unit") else str(_group(nodeid))

    return Groups(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Whatever the tests start can be found again, however they end."""
    if not hasattr(config, "workerinput"):
        mark_descendants()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Ivy's cache is not made for two processes that fill it at once: it is filled before they start."""
    if session.config.getoption("numprocesses", None):
        from infrastructure.local.spark import fetch_jars

        fetch_jars(s3=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        stop_descendants()


@pytest.fixture(scope="session")
def spark():
    from infrastructure.local.spark import prepare
    from jobs.session import get_session, tune

    launch = prepare(fast_start=False, cores=1, records=False, memory="7g")
    os.environ.update(launch.environment)
    session = get_session()
    tune(session, 0)
    yield session
    gateway = session.sparkContext._gateway
    session.stop()
    gateway.shutdown()  # what is collected later asks Java for nothing
    gateway.proc.stdin.close()
    gateway.proc.wait()


@pytest.fixture
def pipeline(spark, tmp_path):
    """A fresh lake and the jobs on it."""
    from tests.support.pipeline import PipelineHarness

    return PipelineHarness(tmp_path / "lake")


@pytest.fixture(scope="session")
def real_files() -> list[Path]:
    files = sorted(REAL_DATA.glob("Telco_customer_churn*.csv"))
    if len(files) != 3:
        pytest.skip(f"the operator's real files are not at {REAL_DATA}")
    return files


@pytest.fixture(scope="session")
def warehouse_server(tmp_path_factory):
    """A running Redshift stand-in."""
    from tests.support.warehouse import WarehouseServer

    server = WarehouseServer(tmp_path_factory.mktemp("ware house"))
    yield server
    server.stop()


@pytest.fixture
def warehouse(warehouse_server):
    """An emptied warehouse block on the running stand-in."""
    return warehouse_server.emptied()


@pytest.fixture(scope="session")
def prefect_harness():
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium. Not for the session: while it is open, an event loop runs, and asyncio.run refuses."""
    from playwright.sync_api import sync_playwright

    from serving.pages import find_browser

    chromium = find_browser()
    if chromium is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The `bin` folder of an environment outside the checkout that has the wheel; one for all test processes."""
    from tests.support.installed import install_wheel
    from tests.support.shared import shared_folder

    return install_wheel(shared_folder(tmp_path_factory, "installed"))
