"""AWS as far as a machine without an account goes: moto over HTTP, and a runner that executes Glue runs.

moto starts Glue runs but executes nothing; `GlueRunner` picks them up and runs the packaged
script with Spark over S3A. Faults are answers that the server gives instead of moto's.
"""

import contextlib
import io
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import boto3
import psutil
from moto.glue.models import FakeJobRun, glue_backends
from moto.moto_api import state_manager
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

ACCOUNT, REGION = "123456789012", "us-east-1"
KEY_ID, KEY = "testing", "planted-aws-key-0d2f"
JOB_KEY_ID, ORCHESTRATOR_KEY_ID = "testing-job", "testing-orchestrator"
ANALYST_KEY_ID, COPY_KEY_ID = "testing-analyst", "testing-copy"
"""With which requests are made as a role of the template (`tests.cloud.roles`); with `KEY_ID` as who deploys it."""

LOG_GROUPS = "/aws-glue/jobs-role-churn/"
"""What GetJobRun says of a job with a security configuration: the prefix of its log groups, with role and configuration."""

_MAX_ARGUMENT_BYTES = 260 * 1024
_GLUE_S_OWN = ("--debug", "--mode", "--JOB_NAME")

_moto_job_run = FakeJobRun.as_dict
FakeJobRun.as_dict = lambda run: _moto_job_run(run) | {"LogGroupName": LOG_GROUPS}  # type: ignore[method-assign]

logging.getLogger("werkzeug").setLevel(logging.ERROR)
Respond = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Service = Callable[[dict[str, Any]], dict[str, Any]]
Fault = Callable[[str, dict[str, Any]], "Respond | None"]


class AwsError(Exception):
    """What a service that is added to the cloud answers instead of a result."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def json_error(code: str, message: str = "injected", status: str = "400 Bad Request") -> Respond:
    """An error as AWS's JSON services give it."""
    body = json.dumps({"__type": code, "message": message}).encode()
    return _response(status, "application/x-amz-json-1.1", body)


def xml_error(code: str, status: str) -> Respond:
    """An error as S3 gives it."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>injected</Message></Error>'.encode()
    return _response(status, "application/xml", body)


def query_error(code: str, message: str) -> Respond:
    """An error as AWS's services give it that are asked with a form."""
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>".encode()
    return _response("403 Forbidden", "text/xml", body)


def hang_up(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Close the connection without an answer."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("injected")


def _response(status: str, kind: str, body: bytes) -> Respond:
    def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        read_body(environ)
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    return respond


class Cloud:
    """moto on a socket of its own. `calls` are the operations asked for, `faults` answer some of them instead.

    `guards` do so before them, also after a reset. `services` are operations that moto lacks, or has no more than the names of.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.bodies: list[bytes] = []
        self.faults: list[Fault] = []
        self.guards: list[Fault] = []
        self.services: dict[str, Service] = {}
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._s3 = create_backend_app("s3")  # asked most: without looking for the service first
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }
        # A run stays as it is until the runner moves it.
        state_manager.set_transition("glue::job_run", {"progression": "manual", "times": 10**9})
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def environment_of(self, key_id: str) -> dict[str, str]:
        """What a process needs to make its requests as a role."""
        return self.environment | {"AWS_ACCESS_KEY_ID": key_id}

    def client(self, service: str) -> Any:
        given = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": KEY, "region_name": REGION}
        return boto3.client(service, endpoint_url=self.url, **given)

    def count(self, operation: str) -> int:
        return self.calls.count(operation)

    def reset(self) -> None:
        self.calls.clear()
        self.bodies.clear()
        self.faults.clear()
        self.services.clear()

    def stop(self) -> None:
        self._server.shutdown()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        operation = _operation(environ)
        self.calls.append(operation)
        for fault in (*self.guards, *self.faults):
            respond = fault(operation, environ)
            if respond is not None:
                return respond(environ, start_response)
        if operation in self.services:
            return _served(self.services[operation], environ)(environ, start_response)
        if operation == "AWSGlue.BatchStopJobRun":
            return self._stop_runs(environ, start_response)
        if operation == "AWSGlue.StartJobRun":
            return self._start_run(environ, start_response)
        return (self._s3 if operation.startswith("S3 ") else self._moto)(environ, start_response)

    def _start_run(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """moto looks at no argument, and leaves out runs that wait or are being stopped when it counts those that run."""
        asked = json.loads(read_body(environ))
        fault = argument_fault(asked.get("Arguments", {}))
        if fault:
            return json_error("InvalidInputException", fault)(environ, start_response)
        if any(run.status in ("WAITING", "STOPPING") for run in job_runs(asked["JobName"])):
            error = json_error("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {asked['JobName']}")
            return error(environ, start_response)
        return self._moto(environ, start_response)

    def _stop_runs(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """moto does not know this call."""
        asked = json.loads(read_body(environ))
        runs = {run.job_run_id: run for run in job_runs(asked["JobName"])}
        for run_id in asked["JobRunIds"]:
            runs[run_id].status = "STOPPED"
        body = json.dumps({"SuccessfulSubmissions": [{"JobRunId": r} for r in asked["JobRunIds"]], "Errors": []})
        start_response("200 OK", [("Content-Type", "application/x-amz-json-1.1")])
        return [body.encode()]


def _served(service: Service, environ: dict[str, Any]) -> Respond:
    try:
        result = service(json.loads(read_body(environ)))
    except AwsError as error:
        return json_error(error.code, str(error))
    return _response("200 OK", "application/x-amz-json-1.1", json.dumps(result).encode())


def read_body(environ: dict[str, Any]) -> bytes:
    """The body of a request, which stays to be read."""
    content = bytes(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    environ["wsgi.input"] = io.BytesIO(content)
    return content


def _operation(environ: dict[str, Any]) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return str(target)
    service = "S3" if "/s3/" in environ.get("HTTP_AUTHORIZATION", "") else "other"
    return f"{service} {environ['REQUEST_METHOD']}"


def nth(every: int, respond: Respond, prefix: str = "S3 ") -> Fault:
    """One call in `every` of those whose operation starts with `prefix` gets `respond`."""
    lock, count = threading.Lock(), 0

    def fault(operation: str, environ: dict[str, Any]) -> Respond | None:
        nonlocal count
        if not operation.startswith(prefix):
            return None
        with lock:
            count += 1
            return respond if count % every == 0 else None

    return fault


def first(times: int, operation: str, respond: Respond) -> Fault:
    """The first `times` calls of `operation` get `respond`."""
    left = times

    def fault(asked: str, environ: dict[str, Any]) -> Respond | None:
        nonlocal left
        if asked != operation or left <= 0:
            return None
        left -= 1
        return respond

    return fault


def killing(pid: int, suffix: str) -> Fault:
    """Whoever writes an object whose name ends with `suffix` finds the process `pid` and its children killed."""

    def fault(operation: str, environ: dict[str, Any]) -> Respond | None:
        if operation == "S3 PUT" and environ["PATH_INFO"].endswith(suffix) and psutil.pid_exists(pid):
            family = psutil.Process(pid)
            for process in [*family.children(recursive=True), family]:
                process.kill()
        return None

    return fault


def job_runs(job_name: str) -> list[FakeJobRun]:
    """moto's own record of the runs of a job."""
    jobs = glue_backends[ACCOUNT][REGION].jobs
    return list(jobs[job_name].job_runs) if job_name in jobs else []


def end_run(run: FakeJobRun, state: str, message: str | None = None) -> None:
    """Bring a run to its end, with the error message that moto has no place for."""
    plain = run.as_dict

    def with_message() -> dict[str, Any]:
        return plain() | ({"ErrorMessage": message} if message else {})

    run.as_dict = with_message  # type: ignore[method-assign]
    run.status = state


def argument_fault(arguments: Mapping[str, str]) -> str:
    """Why AWS would not start a run with these arguments, empty where it would.

    Limit and names of Glue's own are those of its developer guide, "Using job parameters in AWS Glue jobs".
    """
    size = sum(len(text.encode()) for argument in arguments.items() for text in argument)
    if size > _MAX_ARGUMENT_BYTES:
        return "Request size limit exceeded"
    unfit = [name for name in arguments if not name.startswith("--") or name in _GLUE_S_OWN]
    return f"these are not names of job arguments: {', '.join(unfit)}" if unfit else ""


def glue_argv(arguments: Mapping[str, str]) -> list[str]:
    """The command line of a Glue script: of an argument with an empty value, AWS passes the name alone."""
    return [text for argument in arguments.items() for text in argument if text]


def write_log(cloud: Cloud, run_id: str, lines: list[str], group: str = f"{LOG_GROUPS}output") -> None:
    """What CloudWatch has of a run's script."""
    logs, place = cloud.client("logs"), {"logGroupName": group}
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(**place)
    place["logStreamName"] = run_id
    logs.create_log_stream(**place)
    now = int(time.time() * 1000)
    if lines:
        logs.put_log_events(**place, logEvents=[{"timestamp": now, "message": line} for line in lines])


class GlueRunner:
    """Executes the runs of one job, one after another, in a process that has the package and no checkout.

    `fates` are the bad ends of the next run of a step: EXPIRED never runs, TIMEOUT dies in its
    work, STOPPED and FAILED have done it when they are ended. A run is STARTING for `start_seconds` first.
    """

    def __init__(self, cloud: Cloud, job_name: str, folder: Path, start_seconds: float = 0.5) -> None:
        self.cloud, self.job_name, self.folder, self.start_seconds = cloud, job_name, folder, start_seconds
        self.fates: dict[str, str] = {}
        self._worker: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=60)
        if self._worker is not None:
            assert self._worker.stdin is not None
            self._worker.stdin.close()
            self._worker.wait(timeout=60)

    def _loop(self) -> None:
        while not self._stopped.wait(0.1):
            waiting = [run for run in job_runs(self.job_name) if run.status == "STARTING"]
            if waiting and not self._stopped.wait(self.start_seconds) and waiting[0].status == "STARTING":
                self._execute(waiting[0])

    def _execute(self, run: FakeJobRun) -> None:
        given = run.arguments or {}
        fate = self.fates.pop(given["--job"], "")
        if fate == "EXPIRED":
            end_run(run, fate)
            return
        run.status = "RUNNING"
        worker = self._running_worker()
        if fate == "TIMEOUT":
            self.cloud.faults.append(killing(worker.pid, ".parquet"))
        assert worker.stdin is not None and worker.stdout is not None
        worker.stdin.write(json.dumps(glue_argv(given)) + "\n")
        worker.stdin.flush()
        answer = json.loads(worker.stdout.readline() or _died(worker))
        write_log(self.cloud, run.job_run_id, answer.get("said", []))
        if fate == "TIMEOUT":
            assert "died" in str(answer["error"]), f"{given['--job']} wrote nothing, so it was not killed in its work"
        if worker.poll() is not None:
            self._worker = None
        if run.status == "RUNNING":
            end_run(run, fate or ("FAILED" if answer["error"] else "SUCCEEDED"), answer["error"])

    def _running_worker(self) -> subprocess.Popen[str]:
        if self._worker is None:
            self._worker = start_worker(self.cloud, self.folder)
        return self._worker


def _died(worker: "subprocess.Popen[str]") -> str:
    worker.wait()
    return json.dumps({"error": "the worker died"})


def start_worker(cloud: Cloud, folder: Path) -> "subprocess.Popen[str]":
    """A Python that sees the built archive and installed packages, but not the checkout (-S: no editable install)."""
    from infrastructure.local.spark import prepare

    os.environ["AWS_ENDPOINT_URL"] = cloud.url  # Spark's settings name it
    script = folder / "glue_worker.py"
    script.write_bytes(Path(__file__).with_name("glue_worker.py").read_bytes())
    site = Path(boto3.__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-S", str(script), str(folder / "glue_main.py")],
        cwd=folder,
        env=os.environ
        | cloud.environment_of(JOB_KEY_ID)
        | prepare(fast_start=True, s3=True).environment
        | {"PYTHONPATH": f"{folder / 'churn_lakehouse.zip'}{os.pathsep}{site}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "spark.log").open("ab"),
        text=True,
    )
