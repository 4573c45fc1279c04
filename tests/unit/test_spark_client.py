"""What the caller is told when Spark's process dies."""

import logging
import sys
from pathlib import Path

import pytest

from contract.errors import JobError
from infrastructure.local import spark_client
from infrastructure.local.spark import Launch
from infrastructure.local.spark_client import SparkWorker, _known_cause, release_workers, warm_worker


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[unresolved dependency: io.delta#delta-spark_2.12;3.3.2: not found]", "could not be fetched"),
        ("java.io.IOException: No space left on device", "disk is full"),
        ("There is insufficient memory for the Java Runtime", "too little memory"),
    ],
)
def test_usual_causes_are_named(tmp_path, text, words):
    log = tmp_path / "spark.log"
    log.write_text(f"earlier\n{text}\n", encoding="utf-8")
    assert words in _known_cause(log, 0)
    assert _known_cause(log, log.stat().st_size) == "", "what an earlier process wrote is not this one's cause"


def test_an_unknown_cause_is_not_guessed(tmp_path):
    log = tmp_path / "spark.log"
    log.write_bytes(b"\xff\xfe something else")
    assert _known_cause(log, 0) == ""


# What stands in for the worker's process: it answers each job by what its arguments say.
WORKER = """#!{python}
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    if job[0] == "die":
        print(job[1], file=sys.stderr, flush=True)
        sys.exit(3)
    for text in job[1:]:
        print(json.dumps({{"log": text}}), flush=True)
    print(json.dumps({{"state": "SUCCEEDED", "did": job[0]}}), flush=True)
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose Spark is a small program; how often it was prepared."""
    program = tmp_path / "python"
    program.write_text(WORKER.format(python=sys.executable))
    program.chmod(0o755)
    prepared = []

    def prepare(**options):
        prepared.append(options)
        return Launch({"LAUNCHED": "yes"}, tmp_path / "cache" / "spark.jsa", None)

    monkeypatch.setenv("CHURN_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(spark_client, "prepare", prepare)
    monkeypatch.setattr(spark_client.sys, "executable", str(program))
    monkeypatch.setattr(spark_client, "_workers", {})
    yield prepared
    for worker in spark_client._workers.values():
        worker.kill()


def test_jobs_are_answered_one_by_one(machine):
    worker = warm_worker(fast_start=True)
    assert [worker.run([job])["did"] for job in ("bronze", "silver")] == ["bronze", "silver"]
    assert worker.is_alive
    assert worker.pid > 0


def test_log_of_job_is_passed_on(machine, caplog):
    with caplog.at_level(logging.INFO, logger="churn"):
        warm_worker(fast_start=True).run(["bronze", "reading %s", "written"])
    assert caplog.messages == ["reading %s", "written"]


def test_same_kind_is_one_worker(machine):
    first = warm_worker(fast_start=True)
    assert warm_worker(fast_start=True) is first
    assert warm_worker(fast_start=False) is not first
    assert warm_worker(fast_start=True, s3=True) is not first
    assert machine == [
        {"fast_start": True, "s3": False}, {"fast_start": False, "s3": False}, {"fast_start": True, "s3": True},
    ]  # fmt: skip


def test_dead_worker_is_replaced(machine):
    first = warm_worker(fast_start=True)
    first.kill()
    assert not first.is_alive
    second = warm_worker(fast_start=True)
    assert second is not first
    assert second.run(["gold"])["did"] == "gold"


def test_death_names_code_cause_and_log(machine):
    worker = warm_worker(fast_start=True)
    with pytest.raises(JobError, match=r"ended with code 3 .*the disk is full.*spark\.log"):
        worker.run(["die", "No space left on device"])
    with pytest.raises(JobError, match="ended with code 3"):
        worker.run(["gold"])


def test_earlier_log_is_no_cause(machine, tmp_path):
    log = tmp_path / "state" / "logs" / "spark.log"
    log.parent.mkdir(parents=True)
    log.write_text("No space left on device\n")
    with pytest.raises(JobError) as error:
        SparkWorker(fast_start=True, s3=False).run(["die", "an unknown reason"])
    assert "disk is full" not in str(error.value)


def test_released_worker_ends_by_itself(machine):
    worker = warm_worker(fast_start=True)
    release_workers()
    assert worker._process.wait(timeout=20) == 0
    assert warm_worker(fast_start=True) is not worker
    assert Path(worker.log).name == "spark.log"
