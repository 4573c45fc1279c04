"""What destroying does to the stacks, and to what they keep."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from contract.errors import PlatformError
from infrastructure.aws.destroy import KEPT_KINDS, destroy
from infrastructure.aws.stacks import TEMPLATES, Stacks
from tests.unit.cloudformation_fake import FakeAccount, FakeCloudFormation
from tests.unit.templates import parsed

BUCKET, NAMESPACE, KEY = "AWS::S3::Bucket", "AWS::RedshiftServerless::Namespace", "AWS::KMS::Key"


LOGS = ("/aws-glue/jobs-churn-JobRole-1A-churn/output", "/aws/redshift/churn-1a/userlog")
OTHERS_LOGS = ("/aws-glue/jobs-churn-staging-JobRole-2B-churn-staging/output", "/aws/redshift/churn-staging-2b/userlog")


class Namespaces:
    """Redshift Serverless, which moto does not have: namespaces by name."""

    def __init__(self, *names):
        self.names = set(names)

    def delete_namespace(self, namespaceName):  # noqa: N803
        if namespaceName not in self.names:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "DeleteNamespace")
        self.names.remove(namespaceName)


@pytest.fixture
def s3(bucket):
    """The client of the imitated S3, with an empty bucket `raw` that has versions."""
    if "raw" not in {found["Name"] for found in bucket.list_buckets()["Buckets"]}:
        bucket.create_bucket(Bucket="raw")
    bucket.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def kms(bucket):
    return _client("kms")


@pytest.fixture
def logs(bucket):
    """CloudWatch Logs with the groups of runs and of the warehouse, and those of another environment."""
    client = _client("logs")
    for group in client.describe_log_groups()["logGroups"]:
        client.delete_log_group(logGroupName=group["logGroupName"])
    for name in (*LOGS, *OTHERS_LOGS):
        client.create_log_group(logGroupName=name)
    return client


def _stack(status, *kept):
    stack = FakeCloudFormation(status)
    stack.resources = [*kept, ("AWS::Glue::Job", "churn", "DELETE_COMPLETE")]
    stack.script = [("DELETE_COMPLETE", [])]
    return stack


def _destroy(account, *, delete_data, **clients):
    lines = []
    stacks = Stacks.named("churn", account, poll_seconds=0.001)
    clients = {"logs": _client("logs")} | clients
    destroy(stacks, clients.__getitem__, lines.append, delete_data=delete_data)
    return lines


def _client(service):
    return boto3.client(service, "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")  # not a secret


def _deleted(account):
    return [name for called, name in account.order if called == "delete_stack"]


def test_what_stays_is_named_with_what_to_do(bucket):
    kept = [(KEY, "key-1"), (NAMESPACE, "churn-1a"), (BUCKET, "raw"), (BUCKET, "lake")]
    account = FakeAccount(
        churn=_stack("UPDATE_COMPLETE", *((*of, "DELETE_SKIPPED") for of in kept)),
        churn_network=_stack("CREATE_COMPLETE"),
        churn_operations=_stack("CREATE_COMPLETE"),
    )
    lines = _destroy(account, delete_data=False)
    assert lines[:4] == [
        "kept s3://raw", "kept s3://lake", "kept the Redshift namespace churn-1a", "kept the KMS key key-1",
    ]  # fmt: skip
    assert lines[4].endswith("churn destroy --stack churn --delete-data --confirm churn")
    assert len(lines) == 5
    assert _deleted(account) == ["churn-operations", "churn", "churn-network"]


def test_every_version_the_warehouse_and_the_key_are_deleted(s3, kms):
    for body in (b"1", b"2"):
        s3.put_object(Bucket="raw", Key="a.csv", Body=body)
    s3.delete_object(Bucket="raw", Key="a.csv")
    key, namespaces = kms.create_key()["KeyMetadata"]["KeyId"], Namespaces("churn-1a", "churn-2b")
    kept = ((KEY, key), (NAMESPACE, "churn-1a"), (BUCKET, "raw"))
    account = FakeAccount(churn=_stack("UPDATE_COMPLETE", *((*of, "DELETE_SKIPPED") for of in kept)))
    clients = {"s3": s3, "kms": kms, "redshift-serverless": namespaces}
    lines = _destroy(account, delete_data=True, **clients)
    day = f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%d}"
    assert lines == [
        "s3://raw was deleted, with 3 versions of its objects",
        "the Redshift namespace churn-1a is being deleted, with its tables",
        f"the KMS key {key} is deleted on {day}; until then: aws kms cancel-key-deletion --key-id {key}",
    ]
    assert "raw" not in {found["Name"] for found in s3.list_buckets()["Buckets"]}
    assert namespaces.names == {"churn-2b"}
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_deleting_again_says_what_is_gone(s3, kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    account = FakeAccount(
        churn=_stack(
            "DELETE_COMPLETE",
            *((kind, name, "DELETE_SKIPPED") for kind, name in ((BUCKET, "raw"), (NAMESPACE, "churn-1a"), (KEY, key))),
        )
    )
    clients = {"s3": s3, "kms": kms, "redshift-serverless": Namespaces("churn-1a")}
    first = _destroy(account, delete_data=True, **clients)
    second = _destroy(account, delete_data=True, **clients)
    assert first[0] == second[0] == "there is no stack churn"
    assert second[1:3] == ["s3://raw is gone already", "the Redshift namespace churn-1a is gone already"]
    assert second[3] == first[3], "the key keeps its date"


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "DELETE_COMPLETE"])
def test_buckets_of_a_failed_creation_are_deleted(s3, status):
    account = FakeAccount(churn=_stack(status, (BUCKET, "raw", "DELETE_SKIPPED"), (BUCKET, "lake", "DELETE_COMPLETE")))
    assert "s3://raw was deleted, with 0 versions of its objects" in _destroy(account, delete_data=True, s3=s3)


def test_another_stack_s_bucket_stays(s3):
    other = _stack("DELETE_COMPLETE", (BUCKET, "raw", "DELETE_SKIPPED"))
    assert _destroy(FakeAccount(churn_staging=other), delete_data=True, s3=s3) == ["there is no stack churn"]
    assert "raw" in {found["Name"] for found in s3.list_buckets()["Buckets"]}


def test_refused_object_is_an_error(s3):
    class Refusing:
        def __getattr__(self, name):
            return getattr(s3, name)

        def delete_objects(self, **options):
            return {"Errors": [{"Key": "a.csv", "Message": "Access Denied"}]}

    s3.put_object(Bucket="raw", Key="a.csv", Body=b"1")
    account = FakeAccount(churn=_stack("UPDATE_COMPLETE", (BUCKET, "raw", "DELETE_SKIPPED")))
    with pytest.raises(PlatformError, match="1 objects of raw were not deleted: Access Denied"):
        _destroy(account, delete_data=True, s3=Refusing())
    assert "raw" in {found["Name"] for found in s3.list_buckets()["Buckets"]}


def test_missing_stack_deletes_nothing():
    account = FakeAccount()
    assert _destroy(account, delete_data=True) == ["there is no stack churn"]
    assert _deleted(account) == []


def test_failed_deletion_keeps_the_data_and_the_network(s3):
    account = FakeAccount(churn=_stack("UPDATE_COMPLETE", (BUCKET, "raw", "DELETE_SKIPPED")))
    account.stacks["churn-network"] = _stack("CREATE_COMPLETE")
    account.stacks["churn"].script = [("DELETE_FAILED", [("DELETE_FAILED", "Job", "AWS::Glue::Job", "in use")])]
    with pytest.raises(PlatformError, match="Job: in use"):
        _destroy(account, delete_data=True, s3=s3)
    assert "raw" in {found["Name"] for found in s3.list_buckets()["Buckets"]}
    assert _deleted(account) == ["churn"]


def test_everything_that_templates_keep_can_be_deleted():
    kept = [
        resource["Type"]
        for path in TEMPLATES
        for resource in parsed(path.stem)["Resources"].values()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    ]
    assert set(kept) == set(KEPT_KINDS)


def _groups(logs):
    return sorted(group["logGroupName"] for group in logs.describe_log_groups()["logGroups"])


def test_logs_that_services_made_are_named_and_kept(logs):
    account = FakeAccount(churn=_stack("CREATE_COMPLETE", (NAMESPACE, "churn-1a", "DELETE_SKIPPED")))
    lines = _destroy(account, delete_data=False, logs=logs)
    assert [line for line in lines if "log group" in line] == [f"kept the log group {name}" for name in LOGS]
    assert _groups(logs) == sorted((*LOGS, *OTHERS_LOGS))


def test_logs_go_with_the_data_and_those_of_others_stay(logs):
    """Also when the stack has been deleted before: its key is, and nobody could read them."""
    account = FakeAccount(churn=_stack("DELETE_COMPLETE", (NAMESPACE, "churn-1a", "DELETE_SKIPPED")))
    _destroy(account, delete_data=True, logs=logs, **{"redshift-serverless": Namespaces("churn-1a")})
    assert _groups(logs) == sorted(OTHERS_LOGS)
