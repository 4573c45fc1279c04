"""From generated files to the warehouse with the real servers and the real Spark worker."""

import json
import signal
import time

import psutil
import pytest

from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def first_run(machine):
    """A day of 300 customers, brought through the whole pipeline."""
    made = machine.churn("generate", "--customers", "300", "--days", "1", "--faults", "1", "--out", "raw")
    assert made.code == 0, made.err
    return machine.churn("run", "--raw", "raw", "--json", "--max-quarantined-share", "0.2")


def _outcomes(answer):
    return {table["table"]: table["outcome"] for table in answer.json()["tables"]}


def test_lake_warehouse_and_summary_agree(machine, first_run):
    summary = first_run.json()
    outcomes = _outcomes(first_run)
    assert outcomes.pop("gold.customer_movements") == "unchanged", "a first load is the baseline"
    assert set(outcomes.values()) == {"passed"}
    customers = summary["kpis"]["customers"]
    counted = "SELECT count(*) AS n, sum(churn_flag) AS churned, sum(cltv) AS cltv FROM "
    in_lake = machine.churn("query", "--json", counted + "gold.customer_churn_analysis").json()[0]
    in_warehouse = machine.churn("query", "--on", "warehouse", "--json", counted + "customer_churn_analysis").json()[0]
    assert {k: float(v) for k, v in in_lake.items()} == {k: float(v) for k, v in in_warehouse.items()}
    assert in_lake["n"] == customers == summary["warehouse"]["table_rows"] > 300 - 24
    assert "running" in first_run.err


def test_queries_only_read(machine, first_run):
    for statement in ("TRUNCATE customer_churn_analysis", "WITH x AS (DELETE FROM customer_churn_analysis) SELECT 1"):
        answer = machine.churn("query", "--on", "warehouse", statement)
        assert (answer.code, answer.out) == (1, "")
        assert any(words in answer.err for words in ("reads", "read-only", "syntax error"))
    counted = "SELECT count(*) AS n FROM customer_churn_analysis"
    (found,) = machine.churn("query", "--on", "warehouse", "--json", counted).json()
    assert found["n"] == first_run.json()["warehouse"]["table_rows"]


def test_the_report_and_the_status_tell_the_same(machine, first_run):
    report = machine.churn("report")
    assert report.out.strip() == first_run.json()["report"]
    status = machine.churn("status", "--raw", "raw", "--json").json()
    rows = {table["table"]: table["rows"] for table in status["tables"]}
    assert rows["gold.customer_churn_analysis"] == first_run.json()["kpis"]["customers"]
    assert status["raw"]["new"] == []
    assert {name for name, port in status["servers"].items() if port} == {"prefect", "warehouse"}
    assert "to ingest" in machine.churn("status", "--raw", "raw").out


@pytest.mark.nightly
def test_files_are_known_after_their_control_files_are_lost(machine, first_run):
    before = machine.churn("files", "--raw", "raw", "--json").json()
    assert {file["state"] for file in before} == {"ingested"}
    (batch,) = machine.churn("batches", "--json").json()
    assert (batch["state"], batch["files"]) == ("committed", len(before))
    assert batch["rows"] == sum(file["rows"] for file in before)
    (machine.lake / "_control" / "batches" / "00000001.json").unlink()
    repaired = machine.churn("repair", "--json").json()
    assert repaired["repaired"]
    assert "batch 1 " in repaired["notes"][0]
    kept = ("path", "state", "feed", "batch", "rows")
    after = machine.churn("files", "--raw", "raw", "--json").json()
    assert [[file[name] for name in kept] for file in after] == [[file[name] for name in kept] for file in before]


def test_a_run_shows_in_prefect(machine, first_run):
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


@pytest.mark.nightly
def test_killed_spark_loses_nothing(machine, first_run):
    """SIGKILL for Spark in the middle of a second day, which the pipeline then brings in all the same."""
    before = first_run.json()["kpis"]["customers"]
    first = next((machine.folder / "raw" / "billing").rglob("*.jsonl"))
    for feed in ("demographics", "services", "billing"):
        source = next((machine.folder / "raw" / feed / first.parent.name).iterdir())
        lines = source.read_bytes().splitlines(keepends=True)
        head = lines[:1] if source.suffix == ".csv" else []
        good = [line for line in lines[len(head) :] if line.isascii() and b"7" in line][:10]
        target = machine.folder / "raw" / feed / "2026-02-01" / source.name
        target.parent.mkdir()
        target.write_bytes(b"".join([*head, *good]))
    process = machine.start("run", "--raw", "raw", "--json", "--max-quarantined-share", "0.2")
    victim = None
    while victim is None and process.poll() is None:
        victim = next(
            (p for p in psutil.Process(process.pid).children() if "infrastructure.local.spark_worker" in p.cmdline()),
            None,
        )
        time.sleep(0.05)
    assert victim is not None
    while not list((machine.lake / "_control" / "batches").glob("00000002.json")) and process.poll() is None:
        time.sleep(0.05)
    for child in [*victim.children(recursive=True), victim]:
        child.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=200)
    again = machine.churn("run", "--raw", "raw", "--json", "--max-quarantined-share", "0.2")
    assert again.json()["kpis"]["customers"] == before, errors
    counts = machine.churn(
        "query", "--json", "SELECT _source_file, count(*) AS n FROM bronze.billing GROUP BY 1"
    ).json()
    assert sorted(row["n"] for row in counts)[0] == 10
    assert len(counts) == 2


@pytest.mark.nightly
def test_run_ends_with_prefects_server(machine, first_run):
    """Soon, with its remedy; the next run starts another server and resumes."""
    process = machine.start("run", "--raw", "raw", "--max-quarantined-share", "0.2")
    while "bronze: running" not in (line := process.stderr.readline()):
        assert line, "the run ended before it began"
    server = json.loads((machine.folder / "state" / "services" / "prefect.json").read_text())["pid"]
    for victim in [*psutil.Process(server).children(recursive=True), psutil.Process(server)]:
        victim.kill()
    died = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - died < 60
    assert process.returncode == 1
    assert "error: Prefect's server ended during the run" in errors
    assert "resumes where it stopped" in errors
    assert "Traceback" not in errors
    again = machine.churn("run", "--raw", "raw", "--json", "--max-quarantined-share", "0.2")
    assert again.json()["kpis"]["customers"] == first_run.json()["kpis"]["customers"]


@pytest.mark.nightly
def test_a_java_process_that_dies_is_started_again(machine, first_run):
    """The run goes on by itself: the task of the job that was running is tried again."""
    process = machine.start("run", "--raw", "raw", "--json", "--full-refresh", "--max-quarantined-share", "0.2")
    lines = iter(process.stderr.readline, "")
    assert any("silver: running" in line for line in lines)
    time.sleep(1)  # a process that dies between two jobs is replaced without a word
    (java,) = (p for p in psutil.Process(process.pid).children(recursive=True) if p.name() == "java")
    java.send_signal(signal.SIGKILL)
    errors = "".join(lines)
    output = process.stdout.read()
    assert process.wait(timeout=60) == 0, errors
    assert "its Java process has died" in errors
    assert json.loads(output)["tables"]


@pytest.mark.nightly
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_no_spark(machine, first_run, number):
    """What a command starts for itself only ends with it."""
    process = machine.start("run", "--raw", "raw", "--full-refresh", "--max-quarantined-share", "0.2")

    def spark():
        family = psutil.Process(process.pid).children(recursive=True)
        return [p for p in family if "infrastructure.local.spark_worker" in p.cmdline() or p.name() == "java"]

    found = wait_for(lambda: len(spark()) > 1 and spark())
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    wait_for(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in found))
