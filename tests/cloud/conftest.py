"""One imitated cloud for all tests here, with the job as the template defines it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from cfnlint.decode import cfn_yaml

from infrastructure.package import build
from infrastructure.stack import TEMPLATE
from local import services
from tests.cloud.stand_in import KEY, KEY_ID, REGION, Cloud, GlueRunner
from tests.waiting import wait_for

JOB = "churn"
PASSWORD = "planted-warehouse-password-77aa"


@pytest.fixture(scope="session")
def _cloud():
    running = Cloud()
    yield running
    running.stop()


@pytest.fixture
def cloud(_cloud, monkeypatch):
    """The cloud without faults and memories, reached as any AWS client reaches it."""
    for name, value in _cloud.environment.items():
        monkeypatch.setenv(name, value)
    _cloud.reset()
    yield _cloud
    _cloud.reset()


@pytest.fixture
def credentials(cloud):
    from prefect_aws import AwsCredentials
    from prefect_aws.client_parameters import AwsClientParameters
    from pydantic import SecretStr

    return AwsCredentials(
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SecretStr(KEY),
        region_name=REGION,
        aws_client_parameters=AwsClientParameters(endpoint_url=cloud.url),
    )


def template_job_arguments(lake: str) -> dict[str, str]:
    """DefaultArguments of the template's job, its functions resolved to text."""
    job = cfn_yaml.load(str(TEMPLATE))["Resources"]["Job"]["Properties"]
    plain = {name: value for name, value in job["DefaultArguments"].items() if isinstance(value, str)}
    return json.loads(json.dumps(plain)) | {"--lake": lake}


@pytest.fixture(scope="session")
def runner(_cloud, tmp_path_factory):
    """Executes the runs of the job `churn` from the built package."""
    folder = tmp_path_factory.mktemp("glue")
    build(folder)
    role = f"arn:aws:iam::123456789012:role/{JOB}"
    _cloud.client("glue").create_job(
        Name=JOB,
        Role=role,
        Command={"Name": "glueetl", "ScriptLocation": "s3://artifacts/glue_main.py", "PythonVersion": "3"},
        DefaultArguments=template_job_arguments("s3://lake/unset"),
        ExecutionProperty={"MaxConcurrentRuns": 1},
        GlueVersion="5.1",
    )
    for bucket in ("raw", "lake"):
        _cloud.client("s3").create_bucket(Bucket=bucket)
    for layer in ("silver", "gold"):
        _cloud.client("glue").create_database(DatabaseInput={"Name": f"churn_{layer}"})
    running = GlueRunner(_cloud, JOB, folder)
    yield running
    running.stop()


class Redshift:
    """The Redshift stand-in in a process that may be killed and started again on the same data."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment, self.port = folder, environment, services._any_free_port()
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        self.start()

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "local.redshift.server",
            "--folder",
            str(self.folder),
            "--port",
            str(self.port),
        ]
        self.process = subprocess.Popen(command, cwd=services._PROJECT, env=os.environ | self.environment)
        wait_for(lambda: self.process.poll() is not None or services._answers(services.WAREHOUSE, self.port))
        assert self.process.poll() is None, "the stand-in did not start"

    def kill(self) -> None:
        """As if the machine lost power: the proxy and PostgreSQL die at once."""
        for process in [self.process, *psutil.Process(self.process.pid).children(recursive=True)]:
            process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture(scope="session")
def redshift(_cloud, tmp_path_factory):
    """A warehouse that reads the manifests of COPY from the cloud's S3."""
    server = Redshift(tmp_path_factory.mktemp("redshift"), _cloud.environment)
    yield server
    server.stop()
