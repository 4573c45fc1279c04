"""`churn deploy` and `churn destroy` against moto's CloudFormation, over HTTP.

moto says CREATE_COMPLETE while it ignores many types: what it ignores is written down here.
"""

import json
from functools import partial

import pytest
from cfnlint.decode import cfn_yaml
from moto.cloudformation import models as moto_models
from typer.testing import CliRunner

from blocks.athena import Athena
from blocks.aws import aws_client
from blocks.platform import Platform
from blocks.stack_outputs import platform_from_outputs
from cli.deploy import save_platform
from cli.main import app
from contract.errors import PlatformError, QueryError
from infrastructure.aws.deploy import deploy
from infrastructure.aws.destroy import destroy
from infrastructure.aws.stack import NETWORK_TEMPLATE, OPERATIONS_TEMPLATE, TEMPLATE, WORKER_TEMPLATE, Stack
from infrastructure.aws.stacks import Stacks
from infrastructure.aws.wheels import missing_wheels
from serving.lake_sql import for_athena
from tests.cloud.athena import will_answer
from tests.cloud.moto_stacks import delete_all_stacks, remember_outputs
from tests.support.wheels import put_wheels

NAME = "churn-test"
# Without a warehouse: moto has no Redshift Serverless, so its outputs could not be asked for. Nor has it the alarms that
# the dashboard shows.
PARAMETERS = {"CreateRedshift": "false", "AlertEmail": "ops@example.com", "WithDashboard": "false"}
IGNORED_BY_MOTO = {
    "AWS::Athena::NamedQuery",
    "AWS::Athena::WorkGroup",
    "AWS::Glue::Classifier",
    "AWS::Glue::Crawler",
    "AWS::Glue::Database",
    "AWS::Glue::Job",
    "AWS::Glue::SecurityConfiguration",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}


class MotoStack(Stack):
    """moto forgets the outputs of a stack made by a change set, and has none of types that it ignores."""

    def outputs(self):
        remember_outputs()
        ignored = ("JobName", "AthenaWorkgroup", "RawCrawlerName", "RawDatabase", "SilverDatabase", "GoldDatabase")
        return dict.fromkeys(ignored, "moto-has-none") | super().outputs()


@pytest.fixture
def stacks(cloud, credentials):
    client = cloud.client("cloudformation")
    yield Stacks(
        network=Stack(f"{NAME}-network", client, 0.05, template=NETWORK_TEMPLATE, environment=NAME),
        lakehouse=MotoStack(NAME, client, 0.05),
        worker=Stack(f"{NAME}-worker", client, 0.05, template=WORKER_TEMPLATE, environment=NAME),
        operations=Stack(f"{NAME}-operations", client, 0.05, template=OPERATIONS_TEMPLATE, environment=NAME),
    )
    delete_all_stacks()


@pytest.fixture
def stack(stacks):
    return stacks.lakehouse


def _deploy(stacks, credentials, tmp_path, *, sure=True, **parameters):
    """The platform as `churn deploy` makes it, and the lines of progress."""
    lines, client = [], partial(aws_client, credentials)
    put_wheels(tmp_path)
    outputs = deploy(stacks, client, PARAMETERS | parameters, tmp_path, lambda _: sure, lines.append)
    return outputs and platform_from_outputs(outputs, credentials), lines


def test_from_nothing_to_a_platform(stacks, stack, cloud, credentials, tmp_path):
    platform, lines = _deploy(stacks, credentials, tmp_path)
    assert platform.lake.startswith("s3://")
    assert platform.lake.endswith("/lake")
    assert any("Add      Job (AWS::Glue::Job)" in line for line in lines), lines
    assert any("CREATE_COMPLETE" in line for line in lines), "progress"
    bucket = stack.outputs()["ArtifactBucketName"]
    keys = [entry["Key"] for entry in cloud.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    uploaded = ["churn_lakehouse.zip", "glue_main.py", missing_wheels().file_name]
    assert sorted(key.rsplit("/", 1)[1] for key in keys) == uploaded
    found = cloud.client("cloudformation").list_stack_resources(StackName=NAME)["StackResourceSummaries"]
    made = {resource["ResourceType"] for resource in found}
    template = cfn_yaml.load(str(TEMPLATE))["Resources"].values()
    wanted = {
        resource["Type"] for resource in template if resource.get("Condition") not in ("HasRedshift", "HasNetwork")
    }
    assert wanted - made == IGNORED_BY_MOTO


def test_a_resource_that_cannot_be_made_is_named_with_its_reason(stacks, stack, credentials, tmp_path, monkeypatch):
    """moto never fails a resource: here it says what CloudFormation says when one does."""

    def roll_back(backend, change_set_name, stack_name=None):
        (failing,) = backend.stacks.values()
        about = ("RawBucket", "raw", "AWS::S3::Bucket", "CREATE_FAILED", "quota of buckets exceeded", None)
        failing.events.append(moto_models.Event(failing.stack_id, failing.name, *about))
        failing.status = "ROLLBACK_COMPLETE"

    monkeypatch.setattr(moto_models.CloudFormationBackend, "execute_change_set", roll_back)
    with pytest.raises(PlatformError) as error:
        _deploy(stacks, credentials, tmp_path)
    assert "ended as ROLLBACK_COMPLETE" in str(error.value)
    assert "RawBucket: quota of buckets exceeded" in str(error.value)
    monkeypatch.setattr(stack, "outputs", dict)  # a stack that was rolled back has none
    with pytest.raises(PlatformError, match="churn destroy, then deploy again"):
        _deploy(stacks, credentials, tmp_path)


def test_saying_no_changes_nothing(stacks, stack, cloud, credentials, tmp_path):
    platform, lines = _deploy(stacks, credentials, tmp_path, sure=False)
    assert platform is None
    assert any("Add" in line for line in lines), "the changes were shown"
    assert cloud.client("s3").list_buckets().get("Buckets", []) == [] or stack.status() in (None, "DELETE_COMPLETE")


def test_deploying_again_changes_and_uploads_nothing(stacks, stack, credentials, tmp_path):
    first, _ = _deploy(stacks, credentials, tmp_path)
    second, lines = _deploy(stacks, credentials, tmp_path)
    assert f"the stack {NAME} is up to date" in lines
    assert not any("uploaded" in line for line in lines)
    assert second.lake == first.lake
    assert stack.status() == "CREATE_COMPLETE"


def test_an_unknown_parameter_is_refused_before_anything_starts(stacks, cloud, credentials, tmp_path):
    with pytest.raises(PlatformError, match="no parameter Colour"):
        _deploy(stacks, credentials, tmp_path, Colour="red")
    assert cloud.calls == []


def test_destroyed_stack_can_be_deployed_again(stacks, stack, credentials, tmp_path):
    """moto deletes what CloudFormation retains: tests/unit/test_destroy.py has what is kept."""
    _deploy(stacks, credentials, tmp_path)
    lines, client = [], partial(aws_client, credentials)
    put_wheels(tmp_path)
    destroy(stacks, client, lines.append, delete_data=False)
    assert stack.status() is None
    assert f"there is no stack {NAME}" not in lines
    destroy(stacks, client, lines.append, delete_data=False)
    assert f"there is no stack {NAME}" in lines
    platform, _ = _deploy(stacks, credentials, tmp_path)
    assert stack.status() == "CREATE_COMPLETE"
    assert platform.lake == stack.outputs()["Lake"]


def test_outputs_of_no_stack_say_what_to_do(stack):
    with pytest.raises(PlatformError, match=f"churn deploy --stack {NAME}"):
        stack.outputs()


@pytest.fixture
def churn(cloud, tmp_path, monkeypatch):
    """The command, in this process."""
    monkeypatch.setenv("CHURN_HOME", str(tmp_path / "home"))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_data_is_deleted_only_when_told_twice(cloud, churn):
    once = churn("destroy", "--stack", NAME, "--delete-data", "--yes")
    assert isinstance(once.exception, PlatformError)
    assert f"--delete-data --confirm {NAME}" in str(once.exception)
    assert cloud.calls == []
    twice = churn("destroy", "--stack", NAME, "--delete-data", "--confirm", NAME, "--yes")
    assert twice.exit_code == 0, twice.stderr


def test_a_dry_run_needs_no_account(cloud, churn):
    done = churn("deploy", "--dry-run", "--parameter", "MonthlyBudgetUsd=5")
    assert done.exit_code == 0, done.stderr
    assert "parameter MonthlyBudgetUsd = 5" in done.stdout
    assert cloud.calls == []


def test_the_block_is_saved_and_used(stacks, cloud, credentials, tmp_path, prefect_harness, monkeypatch, churn):
    """What `churn deploy` saves is what `--platform` loads: Athena answers from it."""
    from prefect.settings import PREFECT_API_URL

    from cli.platforms import load_platform

    platform, _ = _deploy(stacks, credentials, tmp_path)
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
    platform.save("aws-test", overwrite=True)
    loaded = load_platform("aws-test")
    assert loaded.lake == platform.lake
    assert loaded.jobs.job_name == platform.jobs.job_name
    assert loaded.credentials.aws_secret_access_key.get_secret_value()
    with pytest.raises(PlatformError, match="no block churn-platform/other"):
        load_platform("other")
    will_answer(cloud, platform.athena.workgroup)
    sql = "SELECT customer_id, city FROM gold.customer_churn_analysis"
    asked = churn("query", "--platform", "aws-test", "--json", sql)
    assert asked.exit_code == 0, asked.stderr
    assert json.loads(asked.stdout)[0] == {"customer_id": "c0", "city": None}
    assert "bytes scanned" in asked.stderr
    assert isinstance(churn("query", "--platform", "nobody", sql).exception, PlatformError)


def test_doctor_names_what_is_missing(stacks, cloud, credentials, tmp_path, prefect_harness, monkeypatch, churn):
    """On a platform that was just deployed: all of AWS is there, and nothing of Prefect's yet."""
    from prefect.settings import PREFECT_API_URL

    platform, _ = _deploy(stacks, credentials, tmp_path)
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
    platform.save("doctor-test", overwrite=True)
    calls = len(cloud.calls)
    examined = churn("doctor", "--platform", "doctor-test", "--json")
    assert examined.exit_code == 1, examined.stderr
    found = {finding["subject"]: finding for finding in json.loads(examined.stdout)}
    pool = found.pop("work pool churn-doctor-test")
    assert (pool["outcome"], pool["remedy"]) == ("failed", "prefect work-pool create churn-doctor-test --type process")
    assert found["credentials"]["outcome"] == "ok"
    assert found["Lake Formation"]["remedy"] or found["Lake Formation"]["outcome"] == "ok"
    names = [
        call for call in cloud.calls[calls:] if any(word in call for word in ("Put", "Create", "Delete", "Update"))
    ]
    assert names == [], "it changes nothing"


@pytest.mark.nightly
def test_settings_survive_another_deployment(stacks, credentials, tmp_path, prefect_harness, capsys):
    """What a user has changed in the saved block, in Prefect, is there after `churn deploy`."""
    platform, _ = _deploy(stacks, credentials, tmp_path)
    save_platform(platform, "kept-test")
    saved = Platform.load("kept-test")
    saved.customer_ids, saved.jobs.worker_type = "hashed", "G.4X"
    saved.save("kept-test", overwrite=True)
    capsys.readouterr()
    save_platform(platform.model_copy(update={"lake": "s3://moved/lake"}), "kept-test")
    loaded = Platform.load("kept-test")
    assert (loaded.customer_ids, loaded.jobs.worker_type, loaded.lake) == ("hashed", "G.4X", "s3://moved/lake")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "changed lake", "kept    jobs.worker_type", "kept    customer_ids",
    ]  # fmt: skip
    assert loaded.credentials.aws_secret_access_key.get_secret_value() not in "".join(lines)


def test_unreadable_block_is_not_overwritten(stacks, credentials, tmp_path, prefect_harness, monkeypatch):
    platform, _ = _deploy(stacks, credentials, tmp_path)
    save_platform(platform, "damaged-test")
    monkeypatch.setattr(Platform, "load", lambda name: Platform.model_validate({"lake": 1}))
    with pytest.raises(PlatformError, match=r"churn-platform/damaged-test cannot be read.*--block"):
        save_platform(platform, "damaged-test")


def test_athena_waits_pages_and_counts_the_cost(cloud, credentials):
    will_answer(cloud, "churn")
    told = []
    sql = for_athena("SELECT customer_id, city FROM gold.customer_churn_analysis", "churn_")
    answer = Athena(workgroup="churn", credentials=credentials).query(sql, told.append)
    assert answer.columns == ["customer_id", "city"]
    assert answer.rows == [("c0", None), ("c1", None), ("c2", None)]
    assert told
    with pytest.raises(QueryError, match="workgroup nowhere"):
        Athena(workgroup="nowhere", credentials=credentials).query("SELECT 1")


def test_the_same_sql_works_on_both_lakes():
    sql = for_athena("SELECT a.city FROM gold.customer_churn_analysis a JOIN silver.customers s ON a.x = s.x", "churn_")
    assert "churn_gold.customer_churn_analysis" in sql
    assert "churn_silver.customers" in sql
