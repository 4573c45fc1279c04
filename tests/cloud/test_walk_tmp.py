"""The walk that docs/deploy.md describes, as one story: its commands, in its order, from an empty account to none.

What moto cannot do is made by hand, as the templates say it: the Glue job, the catalog's databases and Athena's workgroup.
Spark's S3 client never ends a copy in a bucket that moto encrypts by default, so the lake's is not encrypted while a run
writes. moto has no Redshift Serverless, so the warehouse is "your own": the stand-in, filled into the saved block. It executes
nothing of Athena, and nothing of the worker's stack, and deletes what CloudFormation retains: that data outlives its stack is in
tests/unit/test_destroy.py, what a worker's deployment does in tests/unit/test_worker.py. The run starts here, as from
inside the network.
"""

import contextlib
import json
import re

import pytest
from moto.glue.models import glue_backends
from prefect.settings import PREFECT_API_URL
from typer.testing import CliRunner

from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from cli.main import app
from infrastructure.aws.package import build
from infrastructure.aws.stack import Stack
from infrastructure.local.redshift.account import DATABASE, USER
from sample_data.generator import generate
from serving.warehouse.statements import execute
from tests.cloud.athena import will_answer
from tests.cloud.conftest import JOB, PASSWORD
from tests.cloud.data_api import DataApiService
from tests.cloud.moto_stacks import delete_all_stacks, remember_outputs
from tests.cloud.stand_in import ACCOUNT, REGION
from tests.support.installed import PROJECT

NAME, STAGING = JOB, f"{JOB}-staging"
# moto has no Redshift Serverless, and not the alarms that the dashboard shows.
OF_MOTO = ("--parameter", "CreateRedshift=false", "--parameter", "WithDashboard=false", "--yes")
PREFECT_IS_EMPTY = {"work pool churn-production"}


@pytest.fixture
def churn(cloud, prefect_harness, tmp_path, monkeypatch):
    """The command, in this process; a command that fails is an error of the test."""
    monkeypatch.setenv("CHURN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
    monkeypatch.setattr(Stack, "outputs", _with_what_moto_ignores(Stack.outputs))

    def run(*arguments, exit_code=0):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == exit_code, (arguments, done.output, done.exception)
        return done.stdout

    yield run
    delete_all_stacks()


def _with_what_moto_ignores(outputs):
    """The names that the template gives to resources of types that moto ignores."""

    def completed(stack):
        remember_outputs()
        prefix = stack.name.replace("-", "_")
        names = {"JobName": stack.name, "AthenaWorkgroup": stack.name, "RawCrawlerName": f"{stack.name}-raw"}
        layers = {f"{layer.title()}Database": f"{prefix}_{layer}" for layer in ("raw", "silver", "gold")}
        return names | layers | outputs(stack)

    return completed


@pytest.fixture
def deployed(runner, churn, tmp_path):
    """`churn deploy`, with the version of the job that moto ignores."""

    def deploy(stack, block, *options):
        printed = churn("deploy", "--stack", stack, "--block", block, *options, *OF_MOTO)
        job = glue_backends[ACCOUNT][REGION].jobs[JOB]
        job.command["ScriptLocation"] = f"s3://artifacts/{build(tmp_path / 'same').script_key}"
        return printed

    return deploy


@pytest.fixture
def own_warehouse(cloud, redshift, credentials):
    """The warehouse that is filled into the block: loads connect to it, people's queries go through the Data API."""
    service = DataApiService(cloud, redshift.port, (USER, PASSWORD))
    secret = json.dumps({"username": USER, "password": PASSWORD})
    arn = cloud.client("secretsmanager").create_secret(Name="walk", SecretString=secret)["ARN"]
    warehouse = RedshiftWarehouse(
        host="127.0.0.1",
        port=redshift.port,
        database=DATABASE,
        secret_arn=arn,
        workgroup=service.workgroup,
        query_route="data-api",
        reader_secret_arn=arn,
        schema_name="walk",
        iam_role="arn:aws:iam::123456789012:role/copy",
        ssl=False,
        connect_timeout_seconds=20,
        credentials=credentials,
    )
    yield warehouse
    with warehouse.connection() as connection:
        execute(connection, "DROP SCHEMA IF EXISTS walk CASCADE")
        connection.commit()


def _findings(churn, exit_code):
    printed = churn("doctor", "--platform", "production", "--json", exit_code=exit_code)
    return {finding["subject"]: finding["outcome"] for finding in json.loads(printed)}


def _resources(cloud, stack):
    found = cloud.client("cloudformation").list_stack_resources(StackName=stack)["StackResourceSummaries"]
    return {resource["PhysicalResourceId"] for resource in found} - {""}


def _upload(cloud, folder, raw):
    bucket, _, prefix = raw.removeprefix("s3://").partition("/")
    for path in folder.rglob("*.csv"):
        cloud.client("s3").upload_file(str(path), bucket, f"{prefix}/{path.relative_to(folder).as_posix()}")


def _bucket(place):
    return place.removeprefix("s3://").partition("/")[0]


@contextlib.contextmanager
def _without_default_encryption(cloud, place):
    """See above: for the time of a run."""
    s3, bucket = cloud.client("s3"), _bucket(place)
    declared = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    s3.delete_bucket_encryption(Bucket=bucket)
    yield
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=declared)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_documented_walk(cloud, churn, deployed, own_warehouse, tmp_path):
    assert "parameter WorkerAccess = none" in churn("deploy", "--dry-run", "--parameter", "WorkerAccess=none")

    printed = deployed(NAME, "production", "--parameter", "AlertEmail=ops@example.com")
    raw = re.search(r"Raw files arrive below (s3://\S+)\.", printed)[1]
    platform = Platform.load("production")
    assert (platform.raw, platform.jobs.job_name, platform.warehouse) == (raw, NAME, None)
    platform.warehouse, platform.customer_ids, platform.jobs.poll_seconds = own_warehouse, "hashed", 0.3
    platform.save("production", overwrite=True)

    deployed(STAGING, "staging")
    assert not _resources(cloud, NAME) & _resources(cloud, STAGING)
    staging = Platform.load("staging")
    for place in (
        "lake",
        "raw",
        "jobs.job_name",
        "catalog.prefix",
        "athena.workgroup",
        "arrivals.queue_url",
        "notifier.topic_arn",
    ):
        assert staging.deployed[place] != Platform.load("production").deployed[place], place

    printed = deployed(NAME, "production")
    assert f"the stack {NAME} is up to date" in printed
    assert "kept    customer_ids" in printed
    again = Platform.load("production")
    assert (again.lake, again.customer_ids, again.warehouse.schema_name) == (platform.lake, "hashed", "walk")
    assert f"{NAME}: no changes" in churn("deploy", "--stack", NAME, "--plan", *OF_MOTO)

    churn("destroy", "--stack", NAME, "--yes")
    present = {bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]}
    assert {_bucket(staging.lake), _bucket(staging.raw)} <= present, "the other environment is untouched"
    printed = deployed(NAME, "production")
    new = Platform.load("production")
    assert f'changed lake: "{platform.lake}" -> "{new.lake}"' in printed
    assert (new.customer_ids, new.warehouse.host) == ("hashed", own_warehouse.host)
    assert cloud.client("s3").head_bucket(Bucket=_bucket(new.lake))


def test_walk_has_the_commands_of_the_document():
    """In the order in which they stand there; a command that is added there has to be added here, or said to be left out."""
    text = (PROJECT / "docs" / "deploy.md").read_text(encoding="utf-8").partition("## The network")[0]
    commands = re.findall(r"^    \.venv/bin/churn (\w+)", text, re.MULTILINE)
    assert commands == ["deploy", "deploy", "run", "query", "query", "deploy", "destroy", "destroy", "deploy"]
