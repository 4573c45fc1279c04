"""One Spark session and one Prefect harness for the whole run; both start only when asked for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Ivy's cache is not made for two processes that fill it at once: it is filled before they start."""
    if session.config.getoption("numprocesses", None):
        from local.spark import fetch_jars

        fetch_jars(s3=True)


@pytest.fixture(scope="session")
def spark():
    from local.spark import prepare

    launch = prepare(small=False)
    launch.archive.parent.mkdir(parents=True, exist_ok=True)
    os.environ.update(launch.environment)
    from transforms.runtime.session import get_session, tune

    session = get_session()
    tune(session, 0)
    yield session
    gateway = session.sparkContext._gateway
    session.stop()
    gateway.proc.stdin.close()
    gateway.proc.wait()
    if launch.recording and launch.recording.exists():
        launch.recording.replace(launch.archive)


@pytest.fixture
def road(spark, tmp_path):
    """A fresh lake and the jobs on it."""
    from tests.roads import Road

    return Road(tmp_path / "lake")


@pytest.fixture(scope="session")
def real_files() -> list[Path]:
    files = sorted(REAL_DATA.glob("Telco_customer_churn*.csv"))
    if len(files) != 3:
        pytest.skip(f"the operator's real files are not at {REAL_DATA}")
    return files


@pytest.fixture(scope="session")
def warehouse_port(tmp_path_factory) -> Iterator[tuple[Path, int]]:
    """A running Redshift stand-in: its folder and port."""
    import subprocess
    import sys
    import time

    from local import services
    from local.redshift.account import ensure_password

    folder = tmp_path_factory.mktemp("ware house")
    ensure_password(folder)
    port = services._any_free_port()
    command = [sys.executable, "-m", "local.redshift.server", "--folder", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, cwd=services._PROJECT)
    deadline = time.monotonic() + 60
    while not services._answers(services.WAREHOUSE, port):
        assert server.poll() is None, "the stand-in did not start"
        assert time.monotonic() < deadline, "the stand-in does not answer"
        time.sleep(0.05)
    yield folder, port
    server.terminate()
    server.wait(timeout=30)


@pytest.fixture
def warehouse(warehouse_port):
    """An emptied warehouse block on the running stand-in."""
    from pydantic import SecretStr

    from blocks.redshift import RedshiftWarehouse, run
    from local.redshift.account import DATABASE, USER, ensure_password

    folder, port = warehouse_port
    block = RedshiftWarehouse(
        host="127.0.0.1",
        port=port,
        database=DATABASE,
        user=USER,
        password=SecretStr(ensure_password(folder)),
        iam_role="arn:aws:iam::000000000000:role/test",
        ssl=False,
    )
    with block.connection() as connection:
        for view in ("customer_churn_dashboard", "customer_churn_kpis"):
            run(connection, f"DROP VIEW IF EXISTS {view}")
        for table in ("customer_churn_analysis", "load_audit"):
            run(connection, f"DROP TABLE IF EXISTS {table}")
        connection.commit()
    return block


@pytest.fixture(scope="session")
def prefect_harness():
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium. Not for the session: while it is open, an event loop runs, and asyncio.run refuses."""
    from playwright.sync_api import sync_playwright

    from reports.pages import find_browser

    chromium = find_browser()
    if chromium is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()
