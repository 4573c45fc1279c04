"""Prefect's worker on AWS: its image is built once, its login goes nowhere but into the secret."""

import zipfile

import boto3
import pytest
from botocore.exceptions import ClientError

from contract.errors import PlatformError
from infrastructure.aws.image import ImageSource, build_image, build_source
from infrastructure.aws.locked import locked, needed
from infrastructure.aws.stack import WORKER_TEMPLATE, Stack
from infrastructure.aws.stacks import default_parameters
from infrastructure.aws.worker import PrefectAccess, check_access, deploy_worker
from tests.unit.cloudformation_fake import FakeCloudFormation

KEYS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}  # not a secret
LAKEHOUSE = {
    "ArtifactBucketName": "bucket",
    "ClientSecurityGroup": "sg-1",
    "OrchestratorPolicyArn": "arn:orchestrator",
    "WarehousePolicyArn": "arn:warehouse",
    "KeyArn": "arn:key",
    "AlertsTopic": "arn:topic",
    "LogDays": "90",
}
BASE = default_parameters()["WorkerBaseImage"]
ACCESS = PrefectAccess("https://prefect.example.com/api", "PREFECT_API_KEY", "planted-key-1")


class CodeBuild:
    """A build by hand, as moto's are not controlled: each look at it shows its next state."""

    def __init__(self, *states):
        self.states, self.started = list(states) or [{"buildStatus": "SUCCEEDED"}], []

    def start_build(self, **options):
        self.started.append(options)
        return {"build": {"id": "build:1"}}

    def batch_get_builds(self, ids):
        assert ids == ["build:1"]
        return {"builds": [self.states.pop(0)]}


class Ecr:
    """A registry by hand: the tags of one repository."""

    def __init__(self, *tags):
        self.tags = tags

    def describe_images(self, repositoryName, imageIds):  # noqa: N803
        if imageIds[0]["imageTag"] in self.tags:
            return {"imageDetails": [{}]}
        raise ClientError({"Error": {"Code": "ImageNotFoundException", "Message": "no"}}, "DescribeImages")


@pytest.fixture
def account(bucket):
    """The clients of one account, and its worker's stack, which is new."""
    secrets = boto3.client("secretsmanager", **KEYS)
    arn = secrets.create_secret(
        Name=f"prefect-{id(bucket)}-{len(secrets.list_secrets()['SecretList'])}", SecretString="x"
    )["ARN"]
    clients = {"s3": bucket, "secretsmanager": secrets, "codebuild": CodeBuild(), "ecr": Ecr(), "ecs": None}
    outputs = {"BuildProject": "build", "ImageRepository": "images", "PrefectSecretArn": arn}
    return clients, FakeCloudFormation(outputs=outputs)


def _deploy(account, tmp_path, access=ACCESS, **parameters):
    clients, fake = account
    changes, lines = [], []

    def apply(stack, wanted):
        changes.append(wanted)
        fake.status = "CREATE_COMPLETE"
        return True

    stack = Stack("churn-worker", fake, template=WORKER_TEMPLATE, environment="churn")
    done = deploy_worker(
        stack, clients.__getitem__, access, LAKEHOUSE, "a,b,c", parameters, tmp_path, apply, lines.append
    )
    return done, changes, lines


def test_image_is_built_between_what_builds_it_and_what_runs_it(account, tmp_path):
    done, changes, lines = _deploy(account, tmp_path, PlatformBlock="production")
    source = build_source(tmp_path, BASE)
    assert done
    assert [wanted["ImageTag"] for wanted in changes] == ["", source.tag]
    assert changes[0]["WorkerPolicyArns"] == "arn:orchestrator,arn:warehouse"
    assert changes[0] | {"ImageTag": source.tag} == changes[1]
    (started,) = account[0]["codebuild"].started
    assert started["sourceLocationOverride"] == f"bucket/{source.key}"
    assert account[0]["s3"].head_object(Bucket="bucket", Key=source.key)
    assert "planted-key-1" not in repr((changes, lines, ACCESS))


def test_login_is_in_the_secret_and_a_running_worker_gets_a_new_one(account, tmp_path):
    clients, fake = account
    _deploy(account, tmp_path)
    arn = fake.outputs["PrefectSecretArn"]
    assert clients["secretsmanager"].get_secret_value(SecretId=arn)["SecretString"] == "planted-key-1"
    restarted = []

    class Ecs:
        def update_service(self, **options):
            restarted.append(options)

    clients |= {"ecs": Ecs(), "codebuild": CodeBuild()}
    fake.outputs |= {"WorkerService": "service", "WorkerCluster": "cluster"}
    _deploy(account, tmp_path, PrefectAccess(ACCESS.url, ACCESS.setting, "planted-key-2"))
    assert restarted == [{"cluster": "cluster", "service": "service", "forceNewDeployment": True}]
    clients["codebuild"] = CodeBuild()
    _deploy(account, tmp_path, PrefectAccess(ACCESS.url, ACCESS.setting, "planted-key-2"))
    assert len(restarted) == 1


def test_image_of_the_same_sources_is_not_built_again(account, tmp_path):
    account[0]["ecr"] = Ecr(build_source(tmp_path, BASE).tag)
    _deploy(account, tmp_path)
    assert account[0]["codebuild"].started == []


def test_another_base_is_built_on_at_once_also_after_a_build_that_failed(account, tmp_path):
    """The stack is there, and its project still has the base that could not be downloaded."""
    clients, fake = account
    fake.status, fake.values = "CREATE_COMPLETE", {"WorkerBaseImage": BASE}
    clients["ecr"] = Ecr(build_source(tmp_path, BASE).tag)
    _, changes, _ = _deploy(account, tmp_path, WorkerBaseImage="mirror/python:3.11")
    (started,) = clients["codebuild"].started
    tag = build_source(tmp_path, "mirror/python:3.11").tag
    assert {entry["name"]: entry["value"] for entry in started["environmentVariablesOverride"]} == {
        "TAG": tag, "BASE_IMAGE": "mirror/python:3.11",
    }  # fmt: skip
    assert [wanted["ImageTag"] for wanted in changes] == [tag]
    clients |= {"ecr": Ecr(), "codebuild": CodeBuild()}
    fake.values = {"WorkerBaseImage": "mirror/python:3.11"}
    _deploy(account, tmp_path, access=None)
    (started,) = clients["codebuild"].started
    assert {"name": "BASE_IMAGE", "value": "mirror/python:3.11"} in started["environmentVariablesOverride"], (
        "it is kept"
    )


def test_without_access_a_worker_is_kept_up_to_date_and_none_is_made(account, tmp_path):
    done, changes, _ = _deploy(account, tmp_path, access=None)
    assert (done, changes) == (True, [])
    account[1].status = "CREATE_COMPLETE"
    _, changes, _ = _deploy(account, tmp_path, access=None)
    assert len(changes) == 1
    assert "PrefectApiUrl" not in changes[0], "it keeps its value"


def test_failed_build_says_why_and_where(account, tmp_path):
    failed = {
        "buildStatus": "FAILED",
        "phases": [
            {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{"message": "exit status 1: docker pull"}]}
        ],
        "logs": {"deepLink": "https://console/log"},
    }
    clients, fake = account
    clients["codebuild"] = CodeBuild({"buildStatus": "IN_PROGRESS", "currentPhase": "PRE_BUILD"}, failed)
    lines = []
    source = ImageSource(tmp_path / "worker.zip", "0123", BASE)
    with pytest.raises(PlatformError, match=r"FAILED.*BUILD: exit status 1: docker pull.*https://console/log"):
        build_image(clients.__getitem__, source, "bucket", fake.outputs, lines.append, poll_seconds=0)
    assert "image: pre build" in lines


@pytest.mark.parametrize(
    ("url", "worker_access", "is_own", "message"),
    [
        ("http://127.0.0.1:4200/api", "nat", True, "cannot reach http://127.0.0.1:4200/api"),
        ("http://localhost:4200/api", "nat", False, "cannot reach"),
        ("", "nat", True, "without an address"),
        ("https://api.prefect.cloud/api/accounts/a", "endpoints", True, "WorkerAccess=nat"),
        ("https://api.prefect.cloud/api/accounts/a", "none", True, "WorkerAccess=nat"),
        ("http://prefect.internal:4200/api", "none", True, "no way to its image"),
    ],
)
def test_api_that_a_worker_cannot_reach_is_refused(url, worker_access, is_own, message):
    with pytest.raises(PlatformError, match=message):
        check_access(PrefectAccess(url), worker_access, is_own_network=is_own)


@pytest.mark.parametrize(
    ("url", "worker_access", "is_own"),
    [
        ("https://api.prefect.cloud/api", "nat", True),
        ("https://api.prefect.cloud/api", "endpoints", False),
        ("http://prefect.internal:4200/api", "endpoints", True),
        ("http://prefect.internal:4200/api", "none", False),
    ],
)
def test_api_that_a_worker_may_reach_is_accepted(url, worker_access, is_own):
    check_access(PrefectAccess(url), worker_access, is_own_network=is_own)


def test_source_has_everything_that_a_worker_runs_and_no_spark(tmp_path):
    first, second = build_source(tmp_path / "a", BASE), build_source(tmp_path / "b", BASE)
    assert first.digest == second.digest
    with zipfile.ZipFile(first.path) as archive:
        names, requirements = archive.namelist(), archive.read("requirements.txt").decode()
        dockerfile = archive.read("Dockerfile").decode()
    for name in ("flows/churn_pipeline.py", "cli/__main__.py", "infrastructure/worker.yaml"):
        assert f"packages/{name}" in names
    assert not [name for name in names if "__pycache__" in name]
    packages = {line.partition("==")[0] for line in requirements.splitlines() if not line.startswith(" ")}
    assert {"prefect", "prefect-aws", "redshift-connector", "httpx"} <= packages
    assert not {"pyspark", "delta-spark", "great-expectations", "pytest"} & packages
    assert "--require-hashes" in dockerfile
    assert "USER churn" in dockerfile


def test_locked_entries_keep_every_hash():
    whole = locked(needed(["boto3"]))
    assert [line.split("==")[0] for line in whole.splitlines() if "==" in line] == [
        "boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3",
    ]  # fmt: skip
    for entry in whole.replace("\\\n", "").splitlines():
        assert entry.count("--hash=sha256:") >= 1


def test_extras_and_markers_are_followed():
    assert "greenlet" in needed(["prefect"]), "sqlalchemy[asyncio] needs it"
    assert "colorama" not in needed(["click"]), "on Windows only"
    assert "six" not in needed(["boto3"], without=["python-dateutil"]), "only what is left out needs it"
