"""The walk that docs/deploy.md describes, as one story: its own commands, from an empty account to one without the stack.

What moto cannot do is made by hand, as the templates say it: the Glue job, the catalog's databases and Athena's workgroup.
Spark's S3 client never ends a copy in a bucket that moto encrypts by default, so the lake's is not encrypted while a run
writes. moto has no Redshift Serverless, so the warehouse is "your own": the stand-in, filled into the saved block. It
executes nothing of Athena and of the worker's stack, and does not keep what CloudFormation retains: that data outlives its
stack is in tests/unit/test_destroy.py, what a worker's deployment does in tests/unit/test_worker.py. A bucket with objects
stays here because it has some. The run starts here, as from inside the network.
"""

import contextlib
import json
import re
import shlex

import pytest
from moto.glue.models import glue_backends
from prefect.settings import PREFECT_API_URL
from prefect_aws import AwsCredentials
from typer.testing import CliRunner

from blocks import aws
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
from tests.cloud.stand_in import ACCOUNT, ANALYST_KEY_ID, KEY_ID, ORCHESTRATOR_KEY_ID, REGION
from tests.support.installed import PROJECT

# moto has no Redshift Serverless, and not the alarms that the dashboard shows.
OF_MOTO = ("--parameter", "CreateRedshift=false", "--parameter", "WithDashboard=false", "--yes")
# Who uses which command: a deployment is its own deployer's.
KEY_IDS = {"run": ORCHESTRATOR_KEY_ID, "query": ORCHESTRATOR_KEY_ID, "query on the warehouse": ANALYST_KEY_ID}
PREFECT_IS_EMPTY = {"work pool churn-production"}
DIFFERS = (
    "lake",
    "raw",
    "jobs.job_name",
    "catalog.prefix",
    "athena.workgroup",
    "arrivals.queue_url",
    "notifier.topic_arn",
)


def documented(program, **names):
    """The arguments of each command of the document that calls `program`, in their order; `names` are its <names>."""
    text = (PROJECT / "docs" / "deploy.md").read_text(encoding="utf-8").replace("\\\n", " ")
    text = re.sub(r"<([\w ]+)>", lambda found: names.get(found[1].replace(" ", "_"), found[0]), text)
    lines = re.findall(rf"^    {re.escape(program)} (.+)$", text, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.fixture
def churn(cloud, prefect_harness, tmp_path, monkeypatch):
    """The command, in this process, with the role of its user; a command that fails is an error of the test."""
    monkeypatch.setenv("CHURN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
    monkeypatch.setattr(Stack, "outputs", _with_what_moto_ignores(Stack.outputs))

    def run(*arguments, exit_code=0):
        command = "query on the warehouse" if "warehouse" in arguments else arguments[0]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_IDS.get(command, KEY_ID))
        aws._session.cache_clear()  # a process has one role
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == exit_code, (arguments, done.output, done.exception)
        return done.stdout

    yield run
    aws._session.cache_clear()
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
def deployed(runner, churn, tmp_path, monkeypatch):
    """`churn deploy` in moto's limits, with the version of the job that moto ignores."""
    job = glue_backends[ACCOUNT][REGION].jobs[JOB]

    def deploy(command):
        printed = churn(*command, *OF_MOTO)
        monkeypatch.setitem(job.command, "ScriptLocation", f"s3://artifacts/{build(tmp_path / 'same').script_key}")
        return printed

    return deploy


@pytest.fixture
def own_warehouse(cloud, redshift):
    """The warehouse that is filled into the block: loads connect to it, people's queries go through the Data API."""
    service = DataApiService(cloud, redshift.port, (USER, PASSWORD))
    secret = json.dumps({"username": USER, "password": PASSWORD})
    loader, reader = (
        cloud.client("secretsmanager").create_secret(Name=f"walk-{user}", SecretString=secret)["ARN"]
        for user in ("loader", "reader")
    )
    warehouse = RedshiftWarehouse(
        host="127.0.0.1",
        port=redshift.port,
        database=DATABASE,
        secret_arn=loader,
        workgroup=service.workgroup,
        query_route="data-api",
        reader_secret_arn=reader,
        schema_name="churn",
        iam_role="arn:aws:iam::123456789012:role/copy",
        ssl=False,
        connect_timeout_seconds=20,
        credentials=AwsCredentials(region_name=REGION),
    )
    yield warehouse
    _empty(warehouse)


def _empty(warehouse):
    with warehouse.connection() as connection:
        execute(connection, "DROP SCHEMA IF EXISTS churn CASCADE")
        connection.commit()


def _drop_tables(cloud):
    """The catalog's databases go with the stack, and their tables with them."""
    for layer in ("silver", "gold"):
        for table in _tables(cloud, layer):
            cloud.client("glue").delete_table(DatabaseName=f"{JOB}_{layer}", Name=table["Name"])


def _tables(cloud, layer):
    return cloud.client("glue").get_tables(DatabaseName=f"{JOB}_{layer}")["TableList"]


def _failed_findings(churn):
    printed = churn("doctor", "--platform", "production", "--json", exit_code=1)
    return {finding["subject"] for finding in json.loads(printed) if finding["outcome"] == "failed"}


def _resources(cloud, stack):
    found = cloud.client("cloudformation").list_stack_resources(StackName=stack)["StackResourceSummaries"]
    return {resource["PhysicalResourceId"] for resource in found} - {""}


def _split(place):
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return bucket, prefix


def _bucket(place):
    return _split(place)[0]


def _copy(cloud, operation, source, target):
    """What `aws s3 cp <file> <folder>/` and `aws s3 sync <folder> <folder>` do."""
    s3, (bucket, prefix) = cloud.client("s3"), _split(target)
    if operation == "cp":
        s3.upload_file(source, bucket, f"{prefix}{source.rpartition('/')[2]}")
        return
    old, folder = _split(source)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=old, Prefix=f"{folder}/"):
        for entry in page.get("Contents", ()):
            s3.copy_object(
                Bucket=bucket, Key=prefix + entry["Key"].removeprefix(folder), CopySource=f"{old}/{entry['Key']}"
            )


@contextlib.contextmanager
def _without_default_encryption(cloud, place):
    """See above: for the time of a run."""
    s3, bucket = cloud.client("s3"), _bucket(place)
    declared = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    s3.delete_bucket_encryption(Bucket=bucket)
    yield
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=declared)


def _run(cloud, churn, roles, command):
    """`churn run`, after which warehouse, catalog and lake are those of the saved platform; the summary."""
    platform = Platform.load("production")
    roles.work_on(platform)
    with _without_default_encryption(cloud, platform.lake):
        done = json.loads(churn(*command, "--json"))
    assert done["lake"] == platform.lake
    assert {"s3:ListBucket", "s3:GetObject", "s3:PutObject"} <= roles.job.used, "the script's requests were judged"
    assert {"glue:StartJobRun", "s3:PutObject", "cloudwatch:PutMetricData"} <= roles.orchestrator.used, "and the flow's"
    places = [table["StorageDescriptor"]["Location"] for layer in ("silver", "gold") for table in _tables(cloud, layer)]
    assert places
    assert all(place.startswith(f"{platform.lake}/") for place in places), "what Athena would read"
    return done


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_documented_walk(cloud, churn, deployed, roles, own_warehouse, tmp_path):
    dry, deploy, run, athena, warehouse, worker, destroy, destroy_all, staging = documented(".venv/bin/churn")
    calls = len(cloud.calls)
    assert "parameter WorkerAccess = nat" in churn(*worker, "--dry-run")
    assert "Nothing was changed." in churn(*dry)
    assert len(cloud.calls) == calls, "a dry run needs no account"

    printed = deployed(deploy)
    platform = Platform.load("production")
    assert f"Raw files arrive below {platform.raw}." in printed
    assert (platform.jobs.job_name, platform.warehouse) == (JOB, None)
    platform.warehouse, platform.customer_ids, platform.jobs.poll_seconds = own_warehouse, "hashed", 0.3
    platform.save("production", overwrite=True)

    (file,) = (path for path in generate(100, 1, tmp_path, seed=7, layout="flat33") if path.suffix == ".csv")
    file.rename(tmp_path / "customers.csv")
    (operation, name, target), *_ = documented("aws s3", raw_bucket=_bucket(platform.raw))
    _copy(cloud, operation, str(tmp_path / name), target)
    assert _run(cloud, churn, roles, run)["warehouse"]["rows_loaded"] == 100
    assert json.loads(churn(*warehouse, "--json")) == [{"count": 100}]
    assert {"redshift-data:BatchExecuteStatement", "secretsmanager:GetSecretValue"} <= roles.analyst.used
    will_answer(cloud, JOB)
    assert json.loads(churn(*athena, "--json"))[0] == {"customer_id": "c0", "city": None}
    assert _failed_findings(churn) == PREFECT_IS_EMPTY

    _deploy_beside(cloud, deployed, staging)
    _deploy_again(churn, deployed, deploy)
    _deploy_elsewhere(cloud, churn, deployed, roles, (deploy, destroy, run))

    churn(*destroy_all, "--yes")
    assert f"there is no stack {JOB}" in churn(*destroy, "--yes")
    assert "no changes" in churn(*staging, "--plan", *OF_MOTO), "the other environment is untouched"


def _deploy_beside(cloud, deployed, staging):
    """A second environment shares nothing with the first."""
    deployed(staging)
    assert not _resources(cloud, JOB) & _resources(cloud, f"{JOB}-staging")
    first, second = Platform.load("production").deployed, Platform.load("staging").deployed
    assert [place for place in DIFFERS if first[place] == second[place]] == []


def _deploy_again(churn, deployed, deploy):
    """Nothing changes, and what a user has changed in the block stays."""
    before = Platform.load("production")
    assert before.command_options == "--platform production"
    assert f"{JOB}: no changes" in churn(*deploy, "--plan", *OF_MOTO)
    printed = deployed(deploy)
    assert f"the stack {JOB} is up to date" in printed
    assert "kept    customer_ids" in printed
    assert Platform.load("production") == before


def _deploy_elsewhere(cloud, churn, deployed, roles, commands):
    """Destroyed and deployed again, with the data taken over: the next run reads no file anew, and loads the warehouse."""
    (deploy, destroy, run), old = commands, Platform.load("production")
    churn(*destroy, "--yes")
    _drop_tables(cloud)
    _empty(old.warehouse)
    printed = deployed(deploy)
    new = Platform.load("production")
    assert f'changed lake: "{old.lake}" -> "{new.lake}"' in printed
    assert (new.customer_ids, new.warehouse.host) == (old.customer_ids, old.warehouse.host)
    places = {"old_raw_bucket": old.raw, "old_lake_bucket": old.lake, "new_raw_bucket": new.raw}
    places = {name: _bucket(place) for name, place in (places | {"new_lake_bucket": new.lake}).items()}
    _, *syncs = documented("aws s3", **places)
    for sync in syncs:
        _copy(cloud, *sync)
    done = _run(cloud, churn, roles, run)
    assert [table["table"] for table in done["tables"] if table["outcome"] != "unchanged"] == ["export.warehouse"]
    assert done["warehouse"]["rows_loaded"] == 100


def test_walk_has_the_commands_of_the_document():
    """A command that is added there has to be added to the walk."""
    commands = [command for command, *_ in documented(".venv/bin/churn")]
    assert commands == ["deploy", "deploy", "run", "query", "query", "deploy", "destroy", "destroy", "deploy"]
    assert [operation for operation, *_ in documented("aws s3")] == ["cp", "sync", "sync"]
