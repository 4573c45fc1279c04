"""What deploying does, in which order, to the stacks and the artifact bucket."""

import boto3
import pytest

from contract.errors import PlatformError
from infrastructure.aws import deploy as deploy_module
from infrastructure.aws.deploy import deploy, upload
from infrastructure.aws.package import build
from infrastructure.aws.stack import NETWORK_TEMPLATE, OPERATIONS_TEMPLATE, TEMPLATE
from infrastructure.aws.stacks import Stacks, check_parameters
from tests.support.wheels import put_wheels
from tests.unit.cloudformation_fake import FakeAccount, FakeCloudFormation, change

LOGS = {"LogDays": "90", "JobLogGroups": "/aws-glue/jobs-deploy/", "KeyArn": "arn:aws:kms:us-east-1:1:key/k"}
OUTPUTS = {"ArtifactBucketName": "artifacts", "RawBucketName": "raw", "Lake": "s3://lake/lake", **LOGS}
NETWORK = {"VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2,subnet-3"}


@pytest.fixture(autouse=True)
def wheels(tmp_path):
    """An earlier deployment has left them, so that none downloads them."""
    put_wheels(tmp_path)


@pytest.fixture
def s3(bucket):
    """The client of the imitated S3, its two buckets empty."""
    present = {found["Name"] for found in bucket.list_buckets()["Buckets"]}
    for name in ("artifacts", "raw"):
        if name not in present:
            bucket.create_bucket(Bucket=name)
        for key in _keys(bucket, name):
            bucket.delete_object(Bucket=name, Key=key)
    return bucket


def _keys(client, bucket):
    return [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket).get("Contents", ())]


def _new(*resources, outputs):
    """A stack that does not exist yet, and is created when it is asked for."""
    stack = FakeCloudFormation(outputs=outputs)
    stack.change_set["Changes"] = [change("Add", resource) for resource in resources]
    stack.script = [("CREATE_COMPLETE", [("CREATE_COMPLETE", resource) for resource in resources])]
    return stack


def _present(outputs, *changed, **values):
    """A stack that exists, and its changes."""
    stack = FakeCloudFormation("UPDATE_COMPLETE", outputs)
    stack.values = values
    stack.change_set["Changes"] = [change("Modify", resource) for resource in changed]
    stack.script = [("UPDATE_COMPLETE", [])]
    return stack


def _new_account():
    return FakeAccount(
        churn_network=_new("Vpc", outputs=NETWORK),
        churn=_new("Job", outputs=OUTPUTS),
        churn_operations=_new("Budget", outputs={}),
    )


def _present_account(*changed):
    return FakeAccount(
        churn_network=_present(NETWORK), churn=_present(OUTPUTS, *changed, **NETWORK), churn_operations=_present({})
    )


def _deploy(account, s3, tmp_path, *, name="churn", confirm=lambda _: True, save=lambda _: None, **parameters):
    lines = []
    stacks = Stacks.named(name, account, poll_seconds=0.001)
    logs = boto3.client("logs", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")  # not a secret
    clients = {"s3": s3, "logs": logs}
    outputs = deploy(stacks, clients.__getitem__, parameters, tmp_path, confirm, lines.append, save=save)
    return outputs, lines


def _asked(stack):
    (asked,) = stack.named("create_change_set")
    return {p["ParameterKey"]: p.get("ParameterValue", "kept") for p in asked["Parameters"]}


def test_new_stack_gets_its_files(s3, tmp_path):
    account = _new_account()
    outputs, lines = _deploy(account, s3, tmp_path, AlertEmail="ops@example.com")
    assert outputs == OUTPUTS
    package = build(tmp_path / "same")
    assert _keys(s3, "artifacts") == sorted([package.library_key, package.script_key, package.wheels.key])
    assert [line.split()[0] for line in lines[:8]] == [
        "built", "Add", "CREATE_COMPLETE", "Add", "CREATE_COMPLETE", "uploaded", "uploaded", "uploaded",
    ]  # fmt: skip
    given = _asked(account.stacks["churn"])
    assert given == {**NETWORK, **package.parameters, "AlertEmail": "ops@example.com"}


def test_settings_without_a_resource_are_applied(s3, tmp_path):
    logs = boto3.client("logs", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")  # not a secret
    _deploy(_present_account(), s3, tmp_path)
    found = logs.describe_log_groups(logGroupNamePrefix=LOGS["JobLogGroups"])["logGroups"]
    assert {group["retentionInDays"] for group in found} == {90}


def test_users_of_the_warehouse_are_made_once_the_lakehouse_is_there(s3, tmp_path, monkeypatch):
    order, warehouse = [], {"WarehouseWorkgroupArn": "arn:workgroup"}
    monkeypatch.setattr(deploy_module, "limit_usage", lambda redshift, outputs: None)
    monkeypatch.setattr(deploy_module, "ensure_users", lambda client, outputs, log: order.append(outputs))
    account = _new_account()
    account.stacks["churn"].outputs = OUTPUTS | warehouse
    stacks = Stacks.named("churn", account, poll_seconds=0.001)
    logs = boto3.client("logs", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")  # not a secret
    clients = {"s3": s3, "logs": logs, "redshift-serverless": None}
    deploy(stacks, clients.__getitem__, {}, tmp_path, lambda _: True, lambda line: None)
    assert order == [OUTPUTS | warehouse]
    _deploy(_present_account(), s3, tmp_path)
    assert len(order) == 1, "without a warehouse there are none"


def test_platform_is_saved_before_a_worker_starts_that_looks_for_it(s3, tmp_path, monkeypatch):
    """Its watcher ends where there is no block, and ECS takes back a service whose tasks end."""
    account, order = _new_account(), []

    def start_worker(stack, *_):
        order.append(stack.name)
        return True

    monkeypatch.setattr(deploy_module, "deploy_worker", start_worker)
    _deploy(account, s3, tmp_path, save=lambda outputs: order.append(outputs))
    assert order == [OUTPUTS, "churn-worker"]
    order.clear()
    _deploy(_new_account(), s3, tmp_path, save=order.append, confirm=lambda question: "network" in question)
    assert order == [], "there is no lakehouse to save"


def test_network_is_made_before_the_lakehouse(s3, tmp_path):
    account = _new_account()
    _deploy(account, s3, tmp_path, WorkerAccess="none", AlertEmail="ops@example.com")
    assert [name for called, name in account.order if called == "execute_change_set"] == [
        "churn-network", "churn", "churn-operations",
    ]  # fmt: skip
    assert _asked(account.stacks["churn-network"]) == {"WorkerAccess": "none"}
    for name, template in (
        ("churn-network", NETWORK_TEMPLATE), ("churn", TEMPLATE), ("churn-operations", OPERATIONS_TEMPLATE),
    ):  # fmt: skip
        (asked,) = account.stacks[name].named("create_change_set")
        assert asked["TemplateBody"] == template.read_text(encoding="utf-8")
        assert {"Key": "Environment", "Value": "churn"} in asked["Tags"], "of the environment, not of the stack"


def test_own_network_is_kept_up_to_date(s3, tmp_path):
    account = _present_account("Job")
    _deploy(account, s3, tmp_path)
    assert len(account.stacks["churn-network"].named("create_change_set")) == 1


@pytest.mark.parametrize(
    "present", [{"VpcId": "vpc-0", "SubnetIds": "subnet-9", "SecurityGroupIds": ""}, {"CreateRedshift": "false"}]
)
def test_no_network_is_made_where_none_is_missing(s3, tmp_path, present):
    account = FakeAccount(churn=_present(OUTPUTS, "Job", **present))
    _deploy(account, s3, tmp_path)
    planned = {name for called, name in account.order if called == "create_change_set"}
    assert planned == {"churn", "churn-operations"}
    assert _asked(account.stacks["churn"])["LibraryKey"] != "kept"


def test_given_network_is_checked_before_anything_is_planned(ec2, s3, tmp_path):
    account = _new_account()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/28", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    stacks, client = Stacks.named("churn", account), {"s3": s3, "ec2": ec2}.__getitem__
    given = {"VpcId": vpc, "SubnetIds": subnet}
    with pytest.raises(PlatformError, match=f"the warehouse cannot be created in {vpc}:\n  1 subnets are given"):
        deploy(stacks, client, given, tmp_path, lambda _: True, print)
    assert {called for called, _ in account.order} == {"describe_stacks"}


def test_operations_get_the_lakehouse_s_outputs(s3, tmp_path):
    outputs = OUTPUTS | {"JobName": "churn", "AlertsTopic": "arn:topic"}
    account = FakeAccount(
        churn_network=_present(NETWORK),
        churn=_present(outputs, MonthlyBudgetUsd="300", **NETWORK),
        churn_operations=_new("Budget", outputs={}),
    )
    _deploy(account, s3, tmp_path, WithDataEvents="true")
    asked = _asked(account.stacks["churn-operations"])
    assert (asked["JobName"], asked["AlertsTopic"], asked["WithDataEvents"]) == ("churn", "arn:topic", "true")
    assert asked["MonthlyBudgetUsd"] == "300", "release 0.1.0 had it in the lakehouse"
    assert asked["WarehouseWorkgroup"] == "", "there is no warehouse, or none any more"
    assert "Lake" not in asked


def test_refused_operations_leave_the_platform(s3, tmp_path):
    account = _new_account()
    outputs, lines = _deploy(account, s3, tmp_path, confirm=lambda question: "operations" not in question)
    assert outputs == OUTPUTS
    assert lines[-1] == "the stack churn-operations was left as it is"


def test_present_stack_gets_files_first(s3, tmp_path):
    account, seen = _present_account("Job"), []

    def confirm(question):
        seen.append(_keys(s3, "artifacts"))
        return True

    _, lines = _deploy(account, s3, tmp_path, confirm=confirm)
    assert len(seen[0]) == 3, "before anybody is asked"
    assert sum(line.startswith("uploaded") for line in lines) == 3, "once"


def test_question_counts_the_changes(s3, tmp_path):
    account, asked = _new_account(), []
    account.stacks["churn"].change_set["Changes"] = [change("Add", "Job"), change("Add", "Key")]

    def confirm(question):
        asked.append(question)
        return "network" in question

    outputs, _ = _deploy(account, s3, tmp_path, confirm=confirm)
    assert outputs is None
    assert asked == ["Apply these 1 changes to churn-network?", "Apply these 2 changes to churn?"]
    lakehouse = account.stacks["churn"]
    assert lakehouse.named("execute_change_set") == []
    assert len(lakehouse.named("delete_change_set")) == len(lakehouse.named("delete_stack")) == 1


def test_refused_network_stops_the_deployment(s3, tmp_path):
    account = _new_account()
    outputs, _ = _deploy(account, s3, tmp_path, confirm=lambda _: False)
    assert outputs is None
    assert account.stacks["churn"].named("create_change_set") == []


def test_unchanged_stack_asks_nobody(s3, tmp_path):
    account = _present_account()
    outputs, lines = _deploy(account, s3, tmp_path, confirm=lambda _: pytest.fail("asked"))
    assert outputs == OUTPUTS
    assert "the stack churn is up to date" in lines
    assert len(account.stacks["churn"].named("delete_change_set")) == 1
    assert account.stacks["churn"].named("execute_change_set") == []


def test_another_package_than_the_expected_one_is_refused(s3, tmp_path):
    account, digest = _present_account("Job"), build(tmp_path / "same").digest
    stacks = Stacks.named("churn", account, poll_seconds=0.001)
    with pytest.raises(PlatformError, match=f"make the package {digest}, and 0123 is expected"):
        deploy(stacks, {"s3": s3}.__getitem__, {}, tmp_path, lambda _: True, lambda _: None, expected="0123")
    assert not account.stacks["churn"].named("create_change_set")
    assert _keys(s3, "artifacts") == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"RawRetentionDays": "90"}, "RawRetentionDays=90 is not above RawArchiveDays=90"),
        ({"RedshiftBaseCapacity": "64"}, "RedshiftBaseCapacity=64 is above RedshiftMaxCapacity=32"),
        ({"GlueExecutionClass": "FLEX", "GlueWorkerType": "G.4X"}, "GlueExecutionClass=FLEX takes no workers G.4X"),
        (
            {"GlueExecutionClass": "FLEX", "GlueJobWorkers": "gold:G.8X:5"},
            "GlueExecutionClass=FLEX takes no workers G.8X",
        ),
    ],
)
def test_values_that_aws_refuses_together_start_nothing(s3, tmp_path, given, fault):
    account = _new_account()
    with pytest.raises(PlatformError, match=f"do not fit each other: {fault}"):
        _deploy(account, s3, tmp_path, **given)
    assert {called for called, _ in account.order} <= {"describe_stacks"}


def test_number_that_is_none_starts_nothing(s3, tmp_path):
    with pytest.raises(PlatformError, match="RawRetentionDays is a whole number, and 'never' is none"):
        _deploy(_new_account(), s3, tmp_path, RawRetentionDays="never")


@pytest.mark.parametrize(
    "given",
    [
        {"RawRetentionDays": "91"},
        {"RedshiftBaseCapacity": "32"},
        {"GlueExecutionClass": "FLEX", "GlueWorkerType": "G.2X"},
    ],
)
def test_values_that_just_fit_each_other_are_deployed(s3, tmp_path, given):
    assert _deploy(_new_account(), s3, tmp_path, **given)[0] == OUTPUTS


def test_unknown_parameter_starts_nothing(s3, tmp_path):
    account = _new_account()
    with pytest.raises(PlatformError, match="the templates have no parameter Colour"):
        _deploy(account, s3, tmp_path / "out", Colour="red")
    assert account.order == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["Churn", "churn_a", "ch", "churn-", "-churn", "churn--a", "1churn", "c" * 41, ""])
def test_wrong_name_starts_nothing(s3, tmp_path, name):
    account = _new_account()
    with pytest.raises(PlatformError, match=f"'{name}' cannot name a stack: .*e.g. churn-staging"):
        _deploy(account, s3, tmp_path / "out", name=name)
    assert account.order == []


def test_same_files_are_uploaded_once(s3, tmp_path):
    package, lines = build(tmp_path), []
    for _ in range(2):
        upload(package, tmp_path / package.wheels.file_name, s3, "artifacts", lines.append)
    keys = (package.script_key, package.library_key, package.wheels.key)
    assert lines == [f"uploaded s3://artifacts/{key}" for key in keys]
    body = s3.get_object(Bucket="artifacts", Key=package.library_key)["Body"].read()
    assert body == package.library.read_bytes()


def test_missing_bucket_is_named(s3, tmp_path):
    with pytest.raises(PlatformError, match="uploading to s3://nowhere: "):
        upload(build(tmp_path), tmp_path, s3, "nowhere", lambda line: None)


def test_every_unknown_parameter_is_listed():
    check_parameters({"AlertEmail": "1", "VpcCidr": "2"})
    with pytest.raises(PlatformError, match=r"no parameter X, Y\. They have: VpcCidr, .*AlertEmail"):
        check_parameters({"X": "1", "AlertEmail": "1", "Y": "1"})
