"""From generated files to the warehouse with the real servers and the real Spark worker."""

import signal
import time

import psutil
import pytest


@pytest.fixture(scope="module")
def first_run(laptop):
    """A day of 300 customers, brought through the whole road."""
    made = laptop.churn("generate", "--customers", "300", "--days", "1", "--faults", "1", "--out", "raw")
    assert made.code == 0, made.err
    return laptop.churn("run", "--raw", "raw", "--json", "--max-quarantined-share", "0.2")


def _outcomes(answer):
    return {table["table"]: table["outcome"] for table in answer.json()["tables"]}


def test_lake_warehouse_and_summary_agree(laptop, first_run):
    summary = first_run.json()
    outcomes = _outcomes(first_run)
    assert outcomes.pop("gold.customer_movements") == "unchanged", "a first load is the baseline"
    assert set(outcomes.values()) == {"passed"}
    customers = summary["kpis"]["customers"]
    counted = "SELECT count(*) AS n, sum(churn_flag) AS churned, sum(cltv) AS cltv FROM "
    in_lake = laptop.churn("query", "--json", counted + "gold.customer_churn_analysis").json()[0]
    in_warehouse = laptop.churn("query", "--on", "warehouse", "--json", counted + "customer_churn_analysis").json()[0]
    assert {k: float(v) for k, v in in_lake.items()} == {k: float(v) for k, v in in_warehouse.items()}
    assert in_lake["n"] == customers == summary["warehouse"]["table_rows"] > 300 - 24
    assert "running" in first_run.err


def test_the_report_and_the_status_tell_the_same(laptop, first_run):
    report = laptop.churn("report")
    assert report.out.strip() == first_run.json()["report"]
    status = laptop.churn("status", "--raw", "raw", "--json").json()
    rows = {table["table"]: table["rows"] for table in status["tables"]}
    assert rows["gold.customer_churn_analysis"] == first_run.json()["kpis"]["customers"]
    assert status["raw"]["new"] == []
    assert {name for name, port in status["servers"].items() if port} == {"prefect", "warehouse"}
    assert "to ingest" in laptop.churn("status", "--raw", "raw").out


def test_a_run_shows_in_prefect(laptop, first_run):
    """The server keeps the run, a task run per step, and what each gate looked at."""
    import httpx

    api = first_run.json()["prefect"] + "/api"
    flow_run = httpx.post(f"{api}/flow_runs/filter", json={"sort": "START_TIME_DESC"}).json()[-1]
    assert flow_run["state_type"] == "COMPLETED"
    artifacts = {a["key"] for a in httpx.post(f"{api}/artifacts/filter", json={}).json()}
    assert {"quality-bronze", "quality-silver", "quality-gold", "tables", "quality-report"} <= artifacts
    deadline = time.monotonic() + 30  # the server records task runs in batches
    names: set[str] = set()
    while len(names) < 9 and time.monotonic() < deadline:
        names = {run["name"] for run in httpx.post(f"{api}/task_runs/filter", json={}).json()}
        time.sleep(0.2)
    assert {"bronze", "silver", "gold", "export", "gate bronze", "gate silver", "gate gold"} <= names


def test_a_killed_worker_loses_nothing(laptop, first_run):
    """SIGKILL for Spark in the middle of a second day, which the road then brings in all the same."""
    before = first_run.json()["kpis"]["customers"]
    first = next((laptop.folder / "raw" / "billing").rglob("*.jsonl"))
    for feed in ("demographics", "services", "billing"):
        source = next((laptop.folder / "raw" / feed / first.parent.name).iterdir())
        lines = source.read_bytes().splitlines(keepends=True)
        head = lines[:1] if source.suffix == ".csv" else []
        good = [line for line in lines[len(head) :] if line.isascii() and b"7" in line][:10]
        target = laptop.folder / "raw" / feed / "2026-02-01" / source.name
        target.parent.mkdir()
        target.write_bytes(b"".join([*head, *good]))
    process = laptop.start("run", "--raw", "raw", "--json", "--max-quarantined-share", "0.2")
    victim = None
    while victim is None and process.poll() is None:
        victim = next((p for p in psutil.Process(process.pid).children() if "local.spark_worker" in p.cmdline()), None)
        time.sleep(0.05)
    assert victim is not None
    while not list((laptop.lake / "_control" / "batches").glob("00000002.json")) and process.poll() is None:
        time.sleep(0.05)
    for child in [*victim.children(recursive=True), victim]:
        child.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=200)
    again = laptop.churn("run", "--raw", "raw", "--json", "--max-quarantined-share", "0.2")
    assert again.json()["kpis"]["customers"] == before, errors
    counts = laptop.churn("query", "--json", "SELECT _source_file, count(*) AS n FROM bronze.billing GROUP BY 1").json()
    assert sorted(row["n"] for row in counts)[0] == 10
    assert len(counts) == 2
