"""`churn deploy --plan`: every change is shown, and none is made."""

import pytest

from contract.errors import PlatformError
from infrastructure.aws.preview import preview
from infrastructure.aws.stacks import Stacks
from infrastructure.aws.worker import PrefectAccess, worker_source
from tests.support.stack_outputs import OUTPUTS
from tests.unit.cloudformation_fake import FakeAccount, FakeCloudFormation, change

NETWORK = {"VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2,subnet-3"}
# What the templates after the lakehouse's need, beside what a platform is made from.
LAKEHOUSE = OUTPUTS | {
    "ArtifactBucketName": "artifacts", "RawBucketName": "raw", "LakeBucketName": "lake", "ClientSecurityGroup": "sg-1",
    "ArrivalsQueueName": "q", "DeadLettersQueueName": "d", "SilverDatabase": "s", "GoldDatabase": "g", "LogDays": "90",
    "KeyArn": "arn:key", "OrchestratorPolicyArn": "arn:orchestrator", "WarehousePolicyArn": "arn:warehouse",
}  # fmt: skip
ACCESS = PrefectAccess("https://prefect.example.com/api")


def _stack(status, outputs, *changes, **values):
    stack = FakeCloudFormation(status, outputs)
    stack.values = values
    stack.change_set["Changes"] = [change("Modify" if status else "Add", resource) for resource in changes]
    return stack


def _preview(account, tmp_path, access=None, **parameters):
    """The lines of a preview. It has no client of any service but CloudFormation."""
    lines, stacks = [], Stacks.named("churn", account, poll_seconds=0.001)
    preview(stacks, {}.__getitem__, parameters, tmp_path, lines.append, access=access)
    return lines[1:]


def _assert_nothing_done(account):
    done = {called for called, _ in account.order}
    assert done <= {"describe_stacks", "create_change_set", "describe_change_set", "delete_change_set", "delete_stack"}
    for stack in account.stacks.values():
        assert len(stack.named("create_change_set")) == len(stack.named("delete_change_set"))
        new = [asked for asked in stack.named("create_change_set") if asked["ChangeSetType"] == "CREATE"]
        assert len(stack.named("delete_stack")) == len(new), "planning leaves an empty stack of a new one"


def test_changes_of_every_stack_are_shown_and_none_is_made(tmp_path):
    account = FakeAccount(
        churn_network=_stack("UPDATE_COMPLETE", NETWORK),
        churn=_stack("UPDATE_COMPLETE", LAKEHOUSE, "Job", "Key", **NETWORK),
        churn_worker=_stack("UPDATE_COMPLETE", {}, "Task", PrefectApiUrl="https://p/api", PlatformBlock="production"),
        churn_operations=_stack("UPDATE_COMPLETE", {}, "Budget"),
    )
    assert _preview(account, tmp_path) == [
        "churn-network: no changes",
        "churn: Modify   Job (AWS::Glue::Job)",
        "churn: Modify   Key (AWS::Glue::Job)",
        "churn-worker: Modify   Task (AWS::Glue::Job)",
        "churn-operations: Modify   Budget (AWS::Glue::Job)",
    ]
    _assert_nothing_done(account)
    (asked,) = account.stacks["churn-worker"].named("create_change_set")
    given = {entry["ParameterKey"]: entry.get("ParameterValue", "kept") for entry in asked["Parameters"]}
    tag = worker_source(Stacks.named("churn", account).worker, {}, tmp_path).tag
    assert (given["ImageTag"], given["WorkerKeyArn"], given["PrefectApiUrl"]) == (tag, "arn:key", "kept")


def test_worker_that_is_wanted_is_planned_where_the_lakehouse_is_there(tmp_path):
    account = FakeAccount(
        churn_network=_stack("UPDATE_COMPLETE", NETWORK),
        churn=_stack("UPDATE_COMPLETE", LAKEHOUSE, **NETWORK),
        churn_worker=_stack(None, {}, "Images"),
        churn_operations=_stack("UPDATE_COMPLETE", {}),
    )
    lines = _preview(account, tmp_path, ACCESS, PlatformBlock="production")
    assert "churn-worker: Add      Images (AWS::Glue::Job)" in lines
    _assert_nothing_done(account)


def test_empty_account_says_what_cannot_be_planned_yet(tmp_path):
    account = FakeAccount(churn_network=_stack(None, {}, "Vpc"))
    assert _preview(account, tmp_path) == [
        "churn-network: Add      Vpc (AWS::Glue::Job)",
        "the stacks after a new one are planned when it is there",
    ]
    _assert_nothing_done(account)
    assert not account.stacks["churn"].named("create_change_set")


def test_stack_that_needs_outputs_of_a_later_lakehouse_is_named(tmp_path):
    """Release 0.1.0 had alarms in the lakehouse, and no stack of operations."""
    earlier = {name: value for name, value in LAKEHOUSE.items() if name not in ("KeyArn", "GoldDatabase")}
    account = FakeAccount(churn=_stack("UPDATE_COMPLETE", earlier, "Job", CreateRedshift="false"))
    lines = _preview(account, tmp_path)
    assert lines[0] == "churn: Modify   Job (AWS::Glue::Job)"
    assert lines[1].startswith("churn-operations takes GoldDatabase, KeyArn from the lakehouse as it will be")
    _assert_nothing_done(account)


def test_plan_refuses_what_a_deployment_would_refuse(tmp_path):
    with pytest.raises(PlatformError, match="no parameter Colour"):
        _preview(FakeAccount(), tmp_path, Colour="red")
    with pytest.raises(PlatformError, match="cannot reach"):
        _preview(FakeAccount(), tmp_path, PrefectAccess("http://127.0.0.1:4200/api"))
