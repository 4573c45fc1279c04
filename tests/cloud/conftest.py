"""One imitated cloud for all tests here, with the job as the template defines it."""

import json

import pytest
from cfnlint.decode import cfn_yaml

from infrastructure.aws.package import build
from infrastructure.aws.stack import TEMPLATE
from tests.cloud.job_role import JobRole
from tests.cloud.stand_in import KEY, KEY_ID, REGION, Cloud, GlueRunner
from tests.support.warehouse import WarehouseServer

JOB = "churn"
PASSWORD = "planted-warehouse-password-77aa"


@pytest.fixture(scope="session")
def _cloud():
    running = Cloud()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def _job_role(_cloud):
    role = JobRole()
    _cloud.guards.append(role)
    return role


@pytest.fixture
def job_role(_job_role):
    """The role of the Glue job's script: a request that the template's policy refuses fails the test."""
    _job_role.reset()
    yield _job_role
    assert _job_role.refused == [], "the job's role may not do that: infrastructure/cloudformation.yaml, JobRole"


@pytest.fixture
def cloud(_cloud, job_role, monkeypatch):
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


@pytest.fixture(scope="session")
def redshift(_cloud, tmp_path_factory):
    """A warehouse that reads the manifests of COPY from the cloud's S3."""
    yield from started_warehouse(_cloud, tmp_path_factory.mktemp("redshift"))


def started_warehouse(cloud, folder):
    """Yield the Redshift stand-in, which reads from the cloud's S3, and stop it then."""
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    server = WarehouseServer(folder, cloud.environment)
    yield server
    server.stop()
