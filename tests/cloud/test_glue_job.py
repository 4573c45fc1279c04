"""GlueJob through its public path, over HTTP: states, errors, retries, reattaching, stopping. No Spark."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from blocks.glue import GlueJob, log_group
from contract.errors import GateError, JobError, LayoutError
from contract.version import source_version
from lake.results import Results
from lake.storage import open_folder
from tests.cloud.stand_in import ORCHESTRATOR_KEY_ID, end_run, first, hang_up, job_runs, json_error, write_log
from tests.support.waiting import wait_for

PROJECT = Path(__file__).resolve().parents[2]
READ_LOG = "Logs_20140328.GetLogEvents"
START, DESCRIBE, STOP = "AWSGlue.StartJobRun", "AWSGlue.GetJobRun", "AWSGlue.BatchStopJobRun"


@pytest.fixture
def job(cloud, orchestrator, roles, request):
    """A job that nobody runs: the tests move its runs themselves. It is asked as Prefect's worker does."""
    name = f"job-{request.node.name}"[:200]
    cloud.client("glue").create_job(
        Name=name,
        Role="arn:aws:iam::123456789012:role/job",
        Command={"Name": "glueetl", "ScriptLocation": "s3://a/b.py"},
        ExecutionProperty={"MaxConcurrentRuns": 1},
    )
    cloud.reset()
    roles.names[name] = "Job"
    given = {"run_id": "20260101T000000Z", "job": "silver", "lake": "s3://lake/lake"}
    return GlueJob(
        job_name=name, credentials=orchestrator, arguments=given, poll_seconds=0.05, start_timeout_seconds=20
    )


def test_arguments_and_overrides_reach_glue(job, cloud):
    sized = job.model_copy(update={"worker_type": "G.2X", "number_of_workers": 5, "timeout_minutes": 30})
    sized.with_arguments(full_refresh="true").trigger()
    (run,) = job_runs(job.job_name)
    assert run.arguments == {
        "--run_id": "20260101T000000Z",
        "--job": "silver",
        "--lake": "s3://lake/lake",
        "--full_refresh": "true",
        "--run_key": "20260101T000000Z/silver",
        "--source_version": source_version(),
    }
    assert (run.worker_type, run.number_of_workers, run.timeout) == ("G.2X", 5, 30)


def test_it_waits_through_every_state_that_is_no_end(job, cloud, caplog):
    run = job.trigger()
    (record,) = job_runs(job.job_name)

    def walk():
        for state in ("WAITING", "RUNNING"):
            seen = cloud.count(DESCRIBE)
            record.status = state
            wait_for(lambda seen=seen: cloud.count(DESCRIBE) > seen + 1)
        end_run(record, "SUCCEEDED")

    mover = threading.Thread(target=walk)
    mover.start()
    with caplog.at_level(logging.INFO, logger="churn"):
        run.wait_for_completion()
    mover.join()
    assert "WAITING" in caplog.text
    assert "SUCCEEDED" in caplog.text
    assert f"log-group/$252Faws-glue$252Fjobs-role-churn$252Foutput/log-events/{run.run_id}" in caplog.text


def _complete(job, cloud):
    """Run the job to its good end, Glue being asked several times on the way."""
    run = job.trigger()
    record = job_runs(job.job_name)[-1]

    def end():
        wait_for(lambda: cloud.count(DESCRIBE) > 3)
        end_run(record, "SUCCEEDED")

    mover = threading.Thread(target=end)
    mover.start()
    run.wait_for_completion()
    mover.join()


@pytest.mark.parametrize("stream", ["{}", "{}-driver"])
def test_script_s_lines_are_read_from_the_groups_of_the_security_configuration(job, cloud, caplog, stream):
    run = job.trigger()
    write_log(cloud, stream.format(run.run_id), ["silver: 5 rows"])
    write_log(cloud, run.run_id, ["of another job"], group="/aws-glue/jobs/output")
    end_run(job_runs(job.job_name)[0], "SUCCEEDED")
    with caplog.at_level(logging.INFO, logger="churn"):
        run.wait_for_completion()
    assert caplog.text.count("silver: 5 rows") == 1
    assert "of another job" not in caplog.text


def test_run_without_a_security_configuration_has_the_default_groups():
    assert log_group({"LogGroupName": "/aws-glue/jobs"}) == log_group({}) == "/aws-glue/jobs/output"


def test_log_that_may_not_be_read_is_said_once(job, cloud, caplog):
    cloud.faults.append(first(99, READ_LOG, json_error("AccessDeniedException", "no logs:GetLogEvents")))
    _complete(job, cloud)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert cloud.count(READ_LOG) > 2
    assert len(warnings) == 1
    assert "no logs:GetLogEvents" in warnings[0]
    assert "/aws-glue/jobs-role-churn/output" in warnings[0]


def test_log_that_is_not_there_yet_is_said_at_the_end_only(job, cloud, caplog):
    with caplog.at_level(logging.INFO, logger="churn"):
        _complete(job, cloud)
    said = [record.getMessage() for record in caplog.records]
    (warning,) = (number for number, text in enumerate(said) if "cannot be read" in text)
    assert any("SUCCEEDED" in text for text in said[:warning])


@pytest.mark.parametrize("state", ["FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"])
@pytest.mark.parametrize("message", ["Out of memory", None])
def test_every_bad_end_fails_with_what_is_known(job, state, message):
    run = job.trigger()
    end_run(job_runs(job.job_name)[0], state, message)
    with pytest.raises(JobError) as error:
        run.wait_for_completion()
    assert state in str(error.value)
    assert (message or "no reason") in str(error.value)
    assert "cloudwatch" in str(error.value)


def _end_with_recorded(job, cloud, error):
    """What the script does when it fails: it records its error beside the lake, then Glue says FAILED."""
    with contextlib.suppress(cloud.client("s3").exceptions.BucketAlreadyOwnedByYou):
        cloud.client("s3").create_bucket(Bucket="lake")
    given = job.arguments
    Results(open_folder(given["lake"], cloud.client("s3"))).write_failure(given["run_id"], given["job"], error)
    end_run(job_runs(job.job_name)[-1], "FAILED", f"{type(error).__name__}: {error}")


@pytest.mark.parametrize("error", [LayoutError("x.csv: unknown layout"), GateError("too many; LakeError: no")])
def test_recorded_error_keeps_its_type(job, cloud, error):
    run = job.trigger()
    _end_with_recorded(job, cloud, error)
    with pytest.raises(type(error)) as raised:
        run.wait_for_completion()
    assert type(raised.value) is type(error)
    assert str(raised.value) == str(error)


@pytest.mark.parametrize("message", ["ValueError: surprise", "LayoutError: said, not recorded"])
def test_unrecorded_error_is_a_job_error(job, cloud, message):
    run = job.with_arguments(run_id="20260101T000009Z").trigger()
    end_run(job_runs(job.job_name)[-1], "FAILED", message)
    with pytest.raises(JobError, match=message) as raised:
        run.wait_for_completion()
    assert type(raised.value) is JobError


@pytest.mark.parametrize("state", ["STARTING", "RUNNING", "WAITING", "SUCCEEDED"])
def test_the_same_logical_run_is_never_started_twice(job, cloud, state):
    original = job.trigger()
    job_runs(job.job_name)[0].status = state
    again = job.trigger()
    assert again.run_id == original.run_id
    assert cloud.count(START) == 1


def test_a_failed_run_is_started_anew_and_another_run_is_another(job, cloud):
    job.trigger()
    end_run(job_runs(job.job_name)[0], "FAILED")
    second = job.trigger()
    end_run(job_runs(job.job_name)[1], "SUCCEEDED")
    other = job.with_arguments(run_id="20260102T000000Z").trigger()
    assert len({second.run_id, other.run_id}) == 2
    assert cloud.count(START) == 3


@pytest.mark.parametrize("code", ["ThrottlingException", "ConcurrentRunsExceededException", "InternalServiceException"])
def test_a_busy_glue_is_asked_again(job, cloud, code):
    cloud.faults.append(first(2, START, json_error(code)))
    job.trigger()
    assert cloud.count(START) == 3
    assert len(job_runs(job.job_name)) == 1


@pytest.mark.parametrize("state", ["STARTING", "RUNNING", "WAITING", "STOPPING"])
def test_it_waits_for_another_run_of_the_job_to_end(job, cloud, state):
    job.with_arguments(run_id="before").trigger()
    (before,) = job_runs(job.job_name)
    before.status = state
    threading.Timer(1.0, lambda: end_run(before, "SUCCEEDED")).start()
    run = job.trigger()
    assert cloud.count(START) > 1, "it tried while the other was running"
    assert run.run_id != before.job_run_id


def test_a_start_whose_answer_was_lost_is_found_again(job, cloud):
    """The connection breaks after Glue has started the run: starting blindly again would run it twice."""

    def start_and_hang_up(environ, start_response):
        list(cloud._moto(environ, lambda *_: None))
        return hang_up(environ, start_response)

    cloud.faults.append(first(1, START, start_and_hang_up))
    run = job.trigger()
    assert [record.job_run_id for record in job_runs(job.job_name)] == [run.run_id]
    assert cloud.count(START) == 1


def test_throttled_and_broken_looks_at_a_run_are_repeated(job, cloud):
    run = job.trigger()
    end_run(job_runs(job.job_name)[0], "SUCCEEDED")
    cloud.faults += [first(2, DESCRIBE, json_error("ThrottlingException")), first(1, DESCRIBE, hang_up)]
    run.wait_for_completion()
    assert cloud.count(DESCRIBE) == 4


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredTokenException", ["credentials have expired", "Renew"]),
        ("AccessDeniedException", ["role may not", "cloudformation.yaml"]),
        ("EntityNotFoundException", ["EntityNotFoundException"]),
    ],
)
def test_what_cannot_pass_fails_at_once_with_a_remedy(job, cloud, code, words):
    cloud.faults.append(first(99, START, json_error(code)))
    with pytest.raises(JobError) as error:
        job.trigger()
    assert all(word in str(error.value) for word in [job.job_name, *words])
    assert cloud.count(START) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"raw": "s3://raw/" + "x" * 260 * 1024}, "Request size limit exceeded"), ({"JOB_NAME": "mine"}, "--JOB_NAME")],
)
def test_arguments_that_glue_refuses_are_not_tried_again(job, cloud, arguments, words):
    with pytest.raises(JobError, match=words):
        job.with_arguments(**arguments).trigger()
    assert cloud.count(START) == 1
    assert job_runs(job.job_name) == []


def test_patience_ends(job, cloud):
    cloud.faults.append(first(10**6, START, json_error("ConcurrentRunsExceededException", "already running")))
    with pytest.raises(JobError, match="already running"):
        job.model_copy(update={"start_timeout_seconds": 1}).trigger()


def test_a_stop_that_glue_refuses_is_said(job, cloud, caplog):
    run = job.trigger()
    cloud.faults.append(first(1, STOP, json_error("AccessDeniedException", "not you")))
    assert not run.stop()
    assert "could not stop" in caplog.text
    assert "not you" in caplog.text
    assert run.stop()
    assert job_runs(job.job_name)[0].status == "STOPPED"


_WATCH = """
import sys, logging
from prefect_aws import AwsCredentials
from blocks.glue import GlueJob
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
job = GlueJob(job_name=sys.argv[1], credentials=AwsCredentials(region_name="us-east-1"), poll_seconds=0.05,
              arguments={"run_id": "20260101T000000Z", "job": "silver", "lake": "s3://lake/lake"})
if sys.argv[2] == "flow":
    from prefect import flow
    @flow
    def pipeline():
        job.trigger().wait_for_completion()
    pipeline()
else:
    job.trigger().wait_for_completion()
"""


@contextlib.contextmanager
def _orchestrator(job, kind):
    """A process that watches the job; one started in the background would ignore SIGINT unless told otherwise."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WATCH, job.job_name, kind],
        cwd=PROJECT,
        env=os.environ,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_killed_orchestrator_s_run_goes_on_being_watched(job, cloud):
    with _orchestrator(job, "plain"):
        wait_for(lambda: cloud.count(DESCRIBE) > 1)
    (record,) = job_runs(job.job_name)
    assert record.status == "STARTING", "nobody stopped it"
    threading.Timer(0.5, lambda: end_run(record, "SUCCEEDED")).start()
    again = job.trigger()
    again.wait_for_completion()
    assert again.run_id == record.job_run_id
    assert cloud.count(START) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_flow_stops_its_run(job, cloud, roles, prefect_harness, monkeypatch, number):
    from prefect.settings import PREFECT_API_URL

    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ORCHESTRATOR_KEY_ID)
    with _orchestrator(job, "flow") as orchestrator:
        wait_for(lambda: cloud.count(DESCRIBE) > 1)
        orchestrator.send_signal(number)
        _, errors = orchestrator.communicate(timeout=60)
    assert cloud.count(STOP) == 1, errors
    assert "glue:BatchStopJobRun" in roles.orchestrator.used
    assert job_runs(job.job_name)[0].status == "STOPPED"
