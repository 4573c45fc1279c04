"""One imitated cloud for all tests here, with the job as the template defines it."""

import json

import pytest
from cfnlint.decode import cfn_yaml

from infrastructure.aws.package import build
from infrastructure.aws.stack import TEMPLATE
from infrastructure.aws.wheels import GLUE_VERSION
from tests.cloud.roles import Roles
from tests.cloud.stand_in import (
    ANALYST_KEY_ID,
    COPY_KEY_ID,
    KEY,
    KEY_ID,
    ORCHESTRATOR_KEY_ID,
    REGION,
    Cloud,
    GlueRunner,
)
from tests.support.warehouse import WarehouseServer

JOB = "churn"
PASSWORD = "planted-warehouse-password-77aa"


@pytest.fixture(scope="session")
def _cloud():
    running = Cloud()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def _roles(_cloud):
    roles = Roles()
    _cloud.guards += roles.all
    return roles


@pytest.fixture
def roles(_roles):
    """The roles of the template: a request that a role's policies refuse fails the test."""
    _roles.reset()
    yield _roles
    assert _roles.refused == [], "a role may not do that: see its policies in infrastructure/cloudformation.yaml"


@pytest.fixture
def cloud(_cloud, roles, monkeypatch):
    """The cloud without faults and memories, reached as any AWS client of who deploys reaches it."""
    for name, value in _cloud.environment.items():
        monkeypatch.setenv(name, value)
    _cloud.reset()
    yield _cloud
    _cloud.reset()


@pytest.fixture
def credentials(cloud):
    """Those of who deploys, whose requests are not judged."""
    return _credentials(cloud, KEY_ID)


@pytest.fixture
def orchestrator(cloud):
    """Credentials of Prefect's worker."""
    return _credentials(cloud, ORCHESTRATOR_KEY_ID)


@pytest.fixture
def analyst(cloud):
    """Credentials of a person who queries the warehouse."""
    return _credentials(cloud, ANALYST_KEY_ID)


def _credentials(cloud, key_id):
    from prefect_aws import AwsCredentials
    from prefect_aws.client_parameters import AwsClientParameters
    from pydantic import SecretStr

    return AwsCredentials(
        aws_access_key_id=key_id,
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
        GlueVersion=GLUE_VERSION,
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
    server = WarehouseServer(folder, cloud.environment_of(COPY_KEY_ID))
    yield server
    server.stop()
