"""The stack on CloudFormation: planned, applied with progress, discarded, deleted."""

import pytest

from contract.errors import PlatformError
from infrastructure.aws.stack import PROJECT, TEMPLATE, Plan, Stack
from tests.unit.cloudformation_fake import FakeCloudFormation, change, refused

NEW = Plan("churn-1", True, ("Add      Job (AWS::Glue::Job)",))
CHANGED = Plan("churn-2", False, ("Modify   Job (AWS::Glue::Job)",))


def _stack(*given, **options):
    cloud = FakeCloudFormation(*given, **options)
    return Stack("churn", cloud, poll_seconds=0.001), cloud


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_stack_at_rest_can_change(status):
    stack, _ = _stack(status)
    assert stack.status() == status
    assert stack.exists()


@pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"])
def test_missing_stack_does_not_exist(status):
    stack, _ = _stack(status)
    assert not stack.exists()
    assert stack.status() == (None if status == "DELETE_COMPLETE" else status)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("UPDATE_IN_PROGRESS", "wait until that has ended"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "wait until that has ended"),
        ("DELETE_IN_PROGRESS", "wait until that has ended"),
        ("ROLLBACK_COMPLETE", "remove it with churn destroy"),
        ("ROLLBACK_FAILED", "remove it with churn destroy"),
        ("DELETE_FAILED", "remove it with churn destroy"),
    ],
)
def test_unready_stack_names_the_remedy(status, words):
    stack, cloud = _stack(status)
    with pytest.raises(PlatformError, match=f"the stack churn is {status}.*{words}"):
        stack.plan({})
    assert cloud.named("create_change_set") == []


def test_failed_stack_beside_the_lakehouse_goes_alone():
    stack = Stack("churn-network", FakeCloudFormation("ROLLBACK_COMPLETE"), environment="churn")
    with pytest.raises(
        PlatformError, match="remove it with aws cloudformation delete-stack --stack-name churn-network"
    ):
        stack.exists()


def test_outputs_come_by_name():
    stack, _ = _stack("CREATE_COMPLETE", {"Lake": "s3://b/lake"})
    assert stack.outputs() == {"Lake": "s3://b/lake"}
    with pytest.raises(PlatformError, match=r"there is no stack churn\..*churn deploy --stack churn"):
        _stack()[0].outputs()


def test_refused_look_is_no_missing_stack():
    stack, cloud = _stack("CREATE_COMPLETE")
    cloud.refusals["describe_stacks"] = refused("not yours", "AccessDenied")
    with pytest.raises(PlatformError, match="reading the stack churn: the role may not do that"):
        stack.status()


def test_first_plan_creates_the_stack():
    stack, cloud = _stack()
    cloud.change_set["Changes"] = [change("Add", "Job"), change("Modify", "Key", "AWS::KMS::Key", "True")]
    plan = stack.plan({"LibraryKey": "glue/x.zip"})
    assert plan.is_new
    assert plan.changes == ("Add      Job (AWS::Glue::Job)", "Modify   Key (AWS::KMS::Key) (REPLACED)")
    (asked,) = cloud.named("create_change_set")
    assert (asked["ChangeSetType"], asked["ChangeSetName"]) == ("CREATE", plan.name)
    assert asked["Parameters"] == [{"ParameterKey": "LibraryKey", "ParameterValue": "glue/x.zip"}]
    assert asked["TemplateBody"] == TEMPLATE.read_text(encoding="utf-8")
    assert asked["Capabilities"] == ["CAPABILITY_IAM"]
    assert asked["Tags"] == [{"Key": "Project", "Value": PROJECT}, {"Key": "Environment", "Value": "churn"}]


def test_later_plan_keeps_other_parameters():
    stack, cloud = _stack("UPDATE_COMPLETE")
    cloud.parameters = ["LibraryKey", "AlertEmail", "OfAnEarlierRelease"]
    assert not stack.plan({"LibraryKey": "new"}).is_new
    (asked,) = cloud.named("create_change_set")
    assert asked["ChangeSetType"] == "UPDATE"
    assert asked["Parameters"] == [
        {"ParameterKey": "LibraryKey", "ParameterValue": "new"},
        {"ParameterKey": "AlertEmail", "UsePreviousValue": True},
    ]


def test_plan_waits_for_its_changes():
    stack, cloud = _stack("UPDATE_COMPLETE")
    cloud.pending = [{"Status": "CREATE_PENDING"}, {"Status": "CREATE_IN_PROGRESS"}]
    cloud.change_set["Changes"] = [change("Modify", "Job")]
    assert stack.plan({}).changes == ("Modify   Job (AWS::Glue::Job)",)
    assert len(cloud.named("describe_change_set")) == 3


def test_change_of_outputs_alone_is_a_change():
    stack, cloud = _stack("UPDATE_COMPLETE")
    cloud.change_set = {"Status": "CREATE_COMPLETE", "Changes": []}
    assert stack.plan({"LogRetentionDays": "90"}).changes == ("Modify   parameters and outputs, no resource",)


def test_what_an_update_leaves_behind_is_no_failure():
    stack, cloud = _stack("UPDATE_COMPLETE")
    left = ("DELETE_FAILED", "WarehousePolicy", "AWS::IAM::ManagedPolicy", "DeleteConflict")
    cloud.script = [("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", [left]), ("UPDATE_COMPLETE", [])]
    logged: list[str] = []
    stack.apply(CHANGED, logged.append)
    assert any("WarehousePolicy" in line and "DeleteConflict" in line for line in logged)


@pytest.mark.parametrize(
    "reason", ["The submitted information didn't contain changes.", "No updates are to be performed."]
)
def test_nothing_to_do_is_no_error(reason):
    stack, cloud = _stack("UPDATE_COMPLETE")
    cloud.change_set = {"Status": "FAILED", "StatusReason": reason}
    plan = stack.plan({})
    assert plan.changes == ()
    assert plan.name == cloud.named("create_change_set")[0]["ChangeSetName"]


def test_refused_plan_without_changes_has_no_name():
    stack, cloud = _stack("UPDATE_COMPLETE")
    cloud.refusals["create_change_set"] = refused("No updates are to be performed.")
    assert stack.plan({}) == Plan("", False, ())
    stack.discard(stack.plan({}))
    assert cloud.named("delete_change_set") == []


def test_failed_plan_shows_the_reason():
    stack, cloud = _stack("UPDATE_COMPLETE")
    cloud.change_set = {"Status": "FAILED", "StatusReason": "Template error: no such resource"}
    with pytest.raises(PlatformError, match="cannot plan the stack churn: Template error"):
        stack.plan({})
    cloud.refusals["create_change_set"] = refused("Parameters: [X] do not exist in the template")
    with pytest.raises(PlatformError, match=r"planning the stack churn: Parameters: \[X\]"):
        stack.plan({})


def test_progress_is_told_once_in_order():
    stack, cloud = _stack("REVIEW_IN_PROGRESS")
    cloud.script = [
        (
            "CREATE_IN_PROGRESS",
            [("CREATE_IN_PROGRESS", "Bucket"), ("CREATE_IN_PROGRESS", "Key", "AWS::KMS::Key", "why")],
        ),
        ("CREATE_IN_PROGRESS", []),
        ("CREATE_COMPLETE", [("CREATE_COMPLETE", "Bucket")]),
    ]
    lines = []
    stack.apply(NEW, lines.append)
    assert lines == [
        "CREATE_IN_PROGRESS   Bucket (AWS::S3::Bucket)",
        "CREATE_IN_PROGRESS   Key (AWS::KMS::Key): why",
        "CREATE_COMPLETE      Bucket (AWS::S3::Bucket)",
    ]
    assert cloud.named("execute_change_set") == [{"StackName": "churn", "ChangeSetName": "churn-1"}]


def test_earlier_events_are_not_told():
    stack, cloud = _stack("UPDATE_COMPLETE")
    cloud.event("CREATE_FAILED", "Old", reason="of last year")
    cloud.script = [("UPDATE_IN_PROGRESS", []), ("UPDATE_COMPLETE", [("UPDATE_COMPLETE", "Job")])]
    lines = []
    stack.apply(CHANGED, lines.append)
    assert lines == ["UPDATE_COMPLETE      Job (AWS::S3::Bucket)"]


def test_failed_resources_are_named_with_reasons():
    stack, cloud = _stack("UPDATE_COMPLETE")
    cloud.script = [
        (
            "UPDATE_IN_PROGRESS",
            [("UPDATE_FAILED", "Bucket", "AWS::S3::Bucket", "name is taken"), ("UPDATE_FAILED", "Job")],
        ),
        ("UPDATE_ROLLBACK_COMPLETE", []),
    ]
    with pytest.raises(PlatformError) as error:
        stack.apply(CHANGED, lambda line: None)
    assert str(error.value) == (
        "the stack churn ended as UPDATE_ROLLBACK_COMPLETE:\n  Bucket: name is taken\n  Job: no reason given"
    )


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED"])
def test_bad_end_without_events_is_an_error(status):
    stack, cloud = _stack("REVIEW_IN_PROGRESS")
    cloud.script = [(status, [])]
    with pytest.raises(PlatformError, match=f"ended as {status}:\n  no reason given"):
        stack.apply(NEW, lambda line: None)


def test_refused_plan_is_explained():
    stack, cloud = _stack("UPDATE_COMPLETE")
    cloud.refusals["execute_change_set"] = refused("it is stale", "InvalidChangeSetStatus")
    with pytest.raises(PlatformError, match=r"changing the stack churn: it is stale \(InvalidChangeSetStatus\)"):
        stack.apply(CHANGED, lambda line: None)


@pytest.mark.parametrize(
    ("plan", "status", "deleted"),
    [(NEW, "REVIEW_IN_PROGRESS", 1), (NEW, "CREATE_COMPLETE", 0), (CHANGED, "REVIEW_IN_PROGRESS", 0)],
)
def test_discarded_plan_leaves_no_empty_stack(plan, status, deleted):
    stack, cloud = _stack(status)
    stack.discard(plan)
    assert [options["ChangeSetName"] for options in cloud.named("delete_change_set")] == [plan.name]
    assert len(cloud.named("delete_stack")) == deleted


def test_deletion_is_watched_by_id():
    stack, cloud = _stack("UPDATE_COMPLETE")
    cloud.event("CREATE_COMPLETE", "Bucket")
    cloud.script = [("DELETE_IN_PROGRESS", [("DELETE_SKIPPED", "Bucket")]), ("DELETE_COMPLETE", [])]
    lines = []
    stack.delete(lines.append)
    assert lines == ["DELETE_SKIPPED       Bucket (AWS::S3::Bucket)"]
    assert cloud.named("describe_stack_events")[-1] == {"StackName": "arn:stack/1"}
    assert stack.status() is None


def test_failed_deletion_is_an_error():
    stack, cloud = _stack("UPDATE_COMPLETE")
    cloud.script = [("DELETE_FAILED", [("DELETE_FAILED", "Bucket", "AWS::S3::Bucket", "not empty")])]
    with pytest.raises(PlatformError, match="ended as DELETE_FAILED:\n  Bucket: not empty"):
        stack.delete(lambda line: None)


def test_missing_stack_needs_no_deletion():
    stack, cloud = _stack()
    stack.delete(lambda line: None)
    assert cloud.named("delete_stack") == []
