"""What the doctor finds, on AWS as moto imitates it: healthy, then with one thing wrong at a time."""

import json
import socket

import boto3
import pytest

from contract.errors import PlatformError
from infrastructure.aws import checks
from infrastructure.aws.checks import Finding
from infrastructure.aws.wheels import GLUE_VERSION

KEYS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}  # not a secret
DIGEST = "0123456789abcdef"


@pytest.fixture
def client(bucket):
    return lambda service: boto3.client(service, **KEYS)


def _job(glue, name, *, version=GLUE_VERSION, runs=1, digest=DIGEST):
    glue.create_job(
        Name=name,
        Role="role",
        GlueVersion=version,
        ExecutionProperty={"MaxConcurrentRuns": runs},
        NumberOfWorkers=2,
        WorkerType="G.1X",
        Command={"Name": "glueetl", "ScriptLocation": f"s3://artifacts/glue/{digest}/glue_main.py"},
    )


@pytest.mark.parametrize(
    ("changes", "outcome", "words"),
    [
        ({}, "ok", f"version {DIGEST}, 2 × G.1X"),
        ({"version": "4.0"}, "failed", "Glue 4.0"),
        ({"runs": 3}, "failed", "several runs at a time"),
        ({"digest": "another"}, "failed", f"this is version {DIGEST}"),
    ],
)
def test_job_is_the_one_that_this_version_deploys(client, tmp_path, changes, outcome, words):
    _job(client("glue"), tmp_path.name, **changes)
    found = checks.job(client("glue"), tmp_path.name, lambda: DIGEST)
    assert (found.outcome, words in found.found) == (outcome, True)
    assert bool(found.remedy) == (outcome != "ok")


def test_version_that_cannot_be_told_here_is_a_warning(client, tmp_path):
    def unknown():
        raise PlatformError("great-expectations is not installed here")

    _job(client("glue"), tmp_path.name)
    found = checks.job(client("glue"), tmp_path.name, unknown)
    assert (found.outcome, found.remedy) == ("warning", "great-expectations is not installed here")


def test_what_aws_refuses_is_a_finding(client):
    found = checks.job(client("glue"), "no such job", lambda: DIGEST)
    assert (found.outcome, found.found) == ("failed", "GetJob: EntityNotFoundException")
    assert "GetJob" in found.remedy


def _encrypt(s3, name, algorithm):
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_bucket_is_encrypted_and_versioned(client, tmp_path):
    s3, name = client("s3"), f"doctor-{tmp_path.name.replace('_', '-')}"
    assert checks.bucket(s3, f"s3://{name}/lake", is_versioned=True).outcome == "failed", "there is none"
    s3.create_bucket(Bucket=name)
    _encrypt(s3, name, "AES256")
    assert checks.bucket(s3, f"s3://{name}/lake", is_versioned=True).found == "encrypted with AES256"
    _encrypt(s3, name, "aws:kms")
    assert checks.bucket(s3, f"s3://{name}/lake", is_versioned=True).found == "not versioned"
    assert checks.bucket(s3, f"s3://{name}/raw", is_versioned=False).outcome == "ok"
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    assert checks.bucket(s3, f"s3://{name}/lake", is_versioned=True) == Finding(
        f"bucket {name}", "ok", "there, encrypted"
    )


def test_waiting_and_dead_messages_are_counted(client, tmp_path):
    sqs, name = client("sqs"), tmp_path.name[:60]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert checks.queue(sqs, url).found == "no dead-letter queue"
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    assert checks.queue(sqs, url).outcome == "ok"
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert checks.queue(sqs, url).found == "1 messages wait"
    sqs.send_message(QueueUrl=dead, MessageBody="x")
    assert checks.queue(sqs, url).found == "1 dead letters"


def test_alerts_reach_somebody(client, tmp_path):
    sns = client("sns")
    arn = sns.create_topic(Name=tmp_path.name)["TopicArn"]
    assert checks.topic(sns, arn).found == "nobody is subscribed"
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="ops@example.com")
    assert checks.topic(sns, arn).outcome in ("ok", "warning")


def test_who_decides_about_tables(client):
    lake_formation = client("lakeformation")
    everybody = {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}
    lake_formation.put_data_lake_settings(DataLakeSettings={"CreateTableDefaultPermissions": [everybody]})
    assert checks.lake_formation(lake_formation).outcome == "ok"
    lake_formation.put_data_lake_settings(DataLakeSettings={"CreateTableDefaultPermissions": []})
    assert checks.lake_formation(lake_formation).outcome == "warning"


def test_workgroup_has_a_limit(client, tmp_path):
    athena, name = client("athena"), tmp_path.name
    athena.create_work_group(Name=name, Configuration={})
    assert checks.workgroup(athena, name).found == "no limit on scanned bytes"
    athena.create_work_group(Name=f"{name}-2", Configuration={"BytesScannedCutoffPerQuery": 10_485_760})
    assert checks.workgroup(athena, f"{name}-2").found == "enabled, 10,485,760 bytes a query at most"


def test_database_secret_and_caller(client, tmp_path):
    client("glue").create_database(DatabaseInput={"Name": tmp_path.name})
    assert checks.database(client("glue"), tmp_path.name).outcome == "ok"
    assert checks.database(client("glue"), "none").outcome == "failed"
    arn = client("secretsmanager").create_secret(Name=tmp_path.name, SecretString="planted-password-1")["ARN"]
    found = checks.secret(client("secretsmanager"), arn)
    assert found.outcome == "ok"
    assert "planted-password-1" not in repr(found)
    assert "arn:aws" in checks.identity(client("sts")).found


def test_way_to_the_warehouse():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert checks.network_path("127.0.0.1", port).outcome == "ok"
    closed = checks.network_path("127.0.0.1", port)
    assert (closed.outcome, "ClientSecurityGroup" in closed.remedy) == ("warning", True)
