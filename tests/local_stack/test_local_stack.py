"""The platform as it runs on a machine: real server, worker, warehouse and watcher, from a file to gold and to a message.

The tests tell one story, in order: each begins where the one before ended.
"""

import shutil
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sample_data.generator import generate
from serving.lake_sql import query
from serving.pages import find_browser
from tests.support.installed import PROJECT
from tests.support.records import record, write_jsonl

NEW = {"tenure_months": "5", "monthly_charges": "30.00", "total_charges": "150.00"}


def _customers(room):
    rows = query(room.lake, "SELECT count(*) AS n FROM gold.customer_churn_analysis")[1]
    return rows[0][0]


def _announce(room, feed, **payload):
    resource = {
        "prefect.resource.id": f"churn.raw.{feed}",
        "prefect.resource.name": f"raw files of {feed}",
        "churn.environment": "local",
    }
    event = {"event": "churn.raw.arrived", "resource": resource, "payload": payload}
    event |= {"occurred": datetime.now(UTC).isoformat(), "id": str(uuid.uuid4())}
    room.send("POST", "events", [event])


def test_everything_is_said_to_run(room):
    for name in ("Prefect", "Warehouse", "Blocks", "Deployments", "Worker", "Watcher"):
        assert f"{name}:" in room.printed
    assert all(port is not None for port in room.churn("status", "--json").json()["servers"].values())
    unknown = room.churn("watch", "--platform", "nobody")
    assert "no block churn-platform/nobody" in unknown.err, "this machine's server is asked where none is named"


def test_three_feeds_become_gold_in_one_run(room):
    generate(60, 1, room.folder / "made", seed=5, layout="feeds")
    shutil.copytree(room.folder / "made", room.raw, dirs_exist_ok=True)
    (run,) = room.until(lambda: room.ended("COMPLETED"))
    today = datetime.now(UTC).date()
    assert run["name"] == f"churn-pipeline {today} 3 files"
    assert _customers(room) == 60
    room.until(lambda: all(r["state_type"] in ("COMPLETED", "CANCELLED") for r in room.runs()))
    assert all("does its work" in r["state"]["message"] for r in room.ended("CANCELLED", 0))
    artifacts = {a["key"]: a for a in room.ask("artifacts", limit=100)}
    assert {"quality-bronze", "quality-silver", "quality-gold", "tables", "quality-report"} <= set(artifacts)
    said = {log["message"] for log in room.ask("logs", logs={"flow_run_id": {"any_": [run["id"]]}}, limit=200)}
    assert any("silver.customers: 60 rows and" in text for text in said), "the script's own words"


def test_tables_are_assets_with_upstreams_rows_and_versions(room):
    def materialized():
        kinds = {"event": {"name": ["prefect.asset.materialization.succeeded"]}}
        found = room.ask("events", filter=kinds, limit=50)
        events = {e["resource"]["prefect.resource.id"]: e for e in found["events"]}
        return events if any(key.startswith("redshift://") for key in events) else None

    events = room.until(materialized)
    gold = next(e for key, e in events.items() if key.endswith("/gold/customer_churn_analysis"))
    assert gold["payload"]["version"] == 0
    assert gold["payload"]["rows_written"] == 60
    upstream = [r["prefect.resource.id"] for r in gold["related"] if r["prefect.resource.role"] == "asset"]
    assert any(key.endswith("/silver/customers") for key in upstream)
    warehouse = next(e for key, e in events.items() if key.startswith("redshift://"))
    assert warehouse["payload"]["table_rows"] == 60


@pytest.mark.nightly
def test_an_alert_and_a_file_that_lands_while_a_run_is_going(room):
    write_jsonl(
        room.raw / "customers" / "2026-02-01" / "a.jsonl",
        record("n1", source_churn_score="71", **NEW),
        record(
            "n2",
            source_churn_score="90",
            source_cltv="4000",
            **NEW | {"city": "San Diego", "monthly_charges": "80.00", "total_charges": "400.00"},
        ),
        record("n3", churn="Yes", source_churn_score="99", **NEW),
    )
    room.until(lambda: [r for r in room.runs() if r["state_type"] == "RUNNING"])
    write_jsonl(room.raw / "customers" / "2026-02-02" / "b.jsonl", record("n4", **NEW))
    room.until(lambda: _customers(room) == 64)
    (text,) = room.until(lambda: room.webhook.texts)
    assert text.startswith("*2 customers newly at risk, $110.00 a month*")
    assert "1. n2 (San Diego): score 90, $4,000 lifetime value, $80.00 a month" in text
    assert not any(word in text for word in ("Female", "Male", "Mailed", "Partner", "No internet")), "nothing personal"
    room.until(lambda: room.ended("COMPLETED", 2) and not [r for r in room.runs() if r["state_type"] == "RUNNING"])


@pytest.mark.nightly
def test_late_files_and_an_event_of_a_wrong_shape(room):
    """The trigger of prefect.yaml with 10 seconds instead of 26 hours: a feed that came and then does not.

    The event that says that it came has a payload that nobody can read: the run that it starts lists the files itself.
    """
    before = len(room.ended("COMPLETED"))
    found = next(a for a in room.ask("automations", limit=200) if a["name"] == "local late files")
    assert found["trigger"]["within"] == 26 * 3600
    kept = {name: found[name] for name in ("name", "description", "enabled", "trigger", "actions", "tags")}
    place = f"automations/{found['id']}"
    room.send("PUT", place, kept | {"trigger": kept["trigger"] | {"within": 10}})
    _announce(room, "billing", files=7, size=None)
    done = room.until(lambda: room.ended("COMPLETED", before + 1))
    assert done[0]["name"].endswith(" 0 files")
    assert _customers(room) == 64
    message = room.until(lambda: [text for text in room.webhook.texts if text.startswith("*Late: ")])[0]
    assert message.startswith("*Late: raw files of billing*\nNo file of this feed has arrived for 26 hours.")
    room.send("PUT", place, kept)
    room.until(lambda: not [r for r in room.runs() if r["state_type"] in ("RUNNING", "PENDING", "SCHEDULED")])


@pytest.mark.nightly
def test_prefect_pages_show_runs(room, tmp_path):
    browser = find_browser()
    if browser is None:
        pytest.skip("there is no Chromium on this machine")
    run = next(r for r in room.ended("COMPLETED") if "file" in r["name"])
    for page, words in (
        (f"runs/flow-run/{run['id']}", [run["name"], "Artifacts"]),
        ("deployments", ["churn-pipeline", "table-maintenance", "business-review"]),
    ):
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        options += [f"--user-data-dir={tmp_path}", "--virtual-time-budget=20000", "--dump-dom"]
        url = f"{room.api.removesuffix('/api')}/{page}"
        done = subprocess.run([browser, *options, url], capture_output=True, text=True, timeout=120, check=False)
        assert [word for word in words if word not in done.stdout] == [], page


@pytest.mark.nightly
def test_killed_run_and_missed_runs(room):
    """Worker, flow and Spark die at once; what was due meanwhile becomes one run, and a message says what happened."""
    before = len(room.ended("COMPLETED"))
    write_jsonl(room.raw / "customers" / "2026-02-03" / "c.jsonl", record("n6", **NEW))
    room.until(lambda: [r for r in room.runs() if r["state_type"] == "RUNNING"])
    worker = room.process("worker")
    for process in [*worker.children(recursive=True), worker]:
        process.kill()
    place, parameters = f"deployments/{room.deployment()['id']}/create_flow_run", room.deployment()["parameters"]
    for days in (2, 1):
        due = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}
        room.send("POST", place, {"state": state, "parameters": parameters})
    room.up()
    room.until(lambda: _customers(room) == 65)
    room.until(lambda: room.ended("COMPLETED", before + 1))
    (crashed,) = room.ended("CRASHED")
    assert "its worker was stopped or died" in crashed["state"]["message"]
    room.until(lambda: any("Crashed*" in text for text in room.webhook.texts))
    room.until(lambda: not [r for r in room.runs() if r["state_type"] in ("RUNNING", "PENDING", "SCHEDULED")])
    assert len(room.ended("COMPLETED")) == before + 1, "what was missed is not caught up one by one"


@pytest.mark.nightly
def test_deploying_again_changes_nothing(room):
    """`churn up` has deployed twice by now; `prefect deploy --all` leaves all that as it is and adds the others."""
    for name in ("churn-staging", "churn-production"):
        room.send("POST", "work_pools/", {"name": name, "type": "process"})

    def present():
        found = room.ask("deployments", limit=200)
        schedules = {d["id"]: [(s["slug"], s["id"]) for s in d["schedules"]] for d in found}
        return schedules, sorted(a["name"] for a in room.ask("automations", limit=200))

    before, automations = present()
    assert len(before) == 6
    assert len(automations) == len(set(automations)) == 5
    environment = room.environment | {"PREFECT_API_URL": room.api}
    command = [str(Path(room.command).with_name("prefect")), "--no-prompt", "deploy", "--all"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    after, automations = present()
    assert before.items() <= after.items()
    assert len(after) == 18
    assert len(automations) == len(set(automations)) == 13


@pytest.mark.nightly
def test_a_bad_file_is_reported_and_its_correction_opens_the_gate(room):
    """What docs/operations.md says about a bad file, step by step."""
    before, completed, told = _customers(room), len(room.ended("COMPLETED")), len(room.webhook.texts)
    place = room.raw / "customers" / "2026-02-04" / "bad.jsonl"
    write_jsonl(place, *(record(f"b{n}", churn="Stayed", **NEW) for n in range(6)))
    write_jsonl(place.with_name("good.jsonl"), record("n5", **NEW))
    room.until(lambda: len(room.ended("COMPLETED")) > completed)
    newest = room.ended("COMPLETED")[0]
    assert newest["state"]["message"] == "with 1 file held"
    (message,) = room.until(lambda: room.webhook.texts[told:])
    assert "6 × churn is not yes or no, e.g. 'Stayed'" in message
    assert _customers(room) == before + 1, "the other file was used"
    write_jsonl(place, *(record(f"b{n}", churn="No", **NEW) for n in range(6)))
    room.until(lambda: _customers(room) == before + 7)
    room.until(lambda: len(room.ended("COMPLETED")) > completed + 1)
    assert room.ended("COMPLETED")[0]["state"]["message"] is None
    assert len(room.webhook.texts) == told + 1


_PLAIN_FLOW = """
import time
from prefect import flow
@flow
def sleeper():
    time.sleep(130)
sleeper()
"""


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_healthy_run_of_a_process_without_our_settings_is_not_crashed(room):
    """It sends its first heartbeat at once and the next after Prefect's default, longer than it runs."""
    ours = {name: value for name, value in room.environment.items() if not name.startswith("PREFECT_")}
    environment = ours | {"PREFECT_API_URL": room.api, "PREFECT_HOME": str(room.folder / "plain")}
    python = str(Path(room.command).with_name("python"))
    subprocess.run([python, "-c", _PLAIN_FLOW], env=environment, cwd=room.folder, check=True)
    (run,) = room.runs("sleeper")
    assert (run["state_type"], run["state_name"]) == ("COMPLETED", "Completed")
    states = room.send("GET", f"flow_run_states/?flow_run_id={run['id']}").json()
    assert "CRASHED" not in [state["type"] for state in states]
