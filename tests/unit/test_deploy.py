"""What deploying and destroying do, in which order, to a stack and its buckets."""

import pytest

from contract.errors import PlatformError
from infrastructure.aws.deploy import BUCKETS, check_parameters, deploy, destroy, upload
from infrastructure.aws.package import build
from infrastructure.aws.stack import Stack
from tests.unit.cloudformation_fake import FakeCloudFormation, change

OUTPUTS = {"ArtifactBucketName": "artifacts", "RawBucketName": "raw", "Lake": "s3://lake/lake"}


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


def _deploy(cloud, s3, tmp_path, *, confirm=lambda _: True, **parameters):
    lines = []
    outputs = deploy(Stack("churn", cloud, 0.001), s3, parameters, tmp_path, confirm, lines.append)
    return outputs, lines


def _new_stack():
    cloud = FakeCloudFormation(outputs=OUTPUTS)
    cloud.change_set["Changes"] = [change("Add", "Job")]
    cloud.script = [("CREATE_COMPLETE", [("CREATE_COMPLETE", "Job", "AWS::Glue::Job")])]
    return cloud


def test_new_stack_gets_its_files(s3, tmp_path):
    cloud = _new_stack()
    outputs, lines = _deploy(cloud, s3, tmp_path, AlertEmail="ops@example.com")
    assert outputs == OUTPUTS
    package = build(tmp_path / "same")
    assert _keys(s3, "artifacts") == sorted([package.library_key, package.script_key])
    assert [line.split()[0] for line in lines] == ["built", "Add", "CREATE_COMPLETE", "uploaded", "uploaded"]
    given = {p["ParameterKey"]: p["ParameterValue"] for p in cloud.named("create_change_set")[0]["Parameters"]}
    assert given == {**package.parameters, "AlertEmail": "ops@example.com"}


def test_present_stack_gets_files_first(s3, tmp_path):
    cloud = FakeCloudFormation("UPDATE_COMPLETE", OUTPUTS)
    cloud.change_set["Changes"] = [change("Modify", "Job")]
    cloud.script = [("UPDATE_COMPLETE", [])]
    seen = []

    def confirm(question):
        seen.append(_keys(s3, "artifacts"))
        return True

    _, lines = _deploy(cloud, s3, tmp_path, confirm=confirm)
    assert len(seen[0]) == 2, "before anybody is asked"
    assert sum(line.startswith("uploaded") for line in lines) == 2, "once"


def test_question_counts_the_changes(s3, tmp_path):
    cloud, asked = _new_stack(), []
    cloud.change_set["Changes"] = [change("Add", "Job"), change("Add", "Key")]
    outputs, _ = _deploy(cloud, s3, tmp_path, confirm=asked.append)
    assert outputs is None
    assert asked == ["Apply these 2 changes to churn?"]
    assert cloud.named("execute_change_set") == []
    assert len(cloud.named("delete_change_set")) == len(cloud.named("delete_stack")) == 1


def test_unchanged_stack_asks_nobody(s3, tmp_path):
    cloud = FakeCloudFormation("UPDATE_COMPLETE", OUTPUTS)
    outputs, lines = _deploy(cloud, s3, tmp_path, confirm=lambda _: pytest.fail("asked"))
    assert outputs == OUTPUTS
    assert "the stack is up to date" in lines
    assert len(cloud.named("delete_change_set")) == 1
    assert cloud.named("execute_change_set") == []


def test_unknown_parameter_starts_nothing(s3, tmp_path):
    cloud = _new_stack()
    with pytest.raises(PlatformError, match="the template has no parameter Colour"):
        _deploy(cloud, s3, tmp_path / "out", Colour="red")
    assert cloud.calls == []
    assert not (tmp_path / "out").exists()


def test_same_files_are_uploaded_once(s3, tmp_path):
    package, lines = build(tmp_path), []
    for _ in range(2):
        upload(package, s3, "artifacts", lines.append)
    assert lines == [f"uploaded s3://artifacts/{key}" for key in (package.script_key, package.library_key)]
    body = s3.get_object(Bucket="artifacts", Key=package.library_key)["Body"].read()
    assert body == package.library.read_bytes()


def test_missing_bucket_is_named(s3, tmp_path):
    with pytest.raises(PlatformError, match="uploading to s3://nowhere: "):
        upload(build(tmp_path), s3, "nowhere", lambda line: None)


def test_every_unknown_parameter_is_listed():
    template = {"Parameters": {"A": {}, "B": {}}}
    check_parameters(template, {"A": "1"})
    with pytest.raises(PlatformError, match=r"no parameter X, Y\. It has: A, B"):
        check_parameters(template, {"X": "1", "A": "1", "Y": "1"})


def _destroy(cloud, s3, *, delete_data):
    lines = []
    destroy(Stack("churn", cloud, 0.001), s3, lines.append, delete_data=delete_data)
    return lines


def test_destroy_keeps_the_data(s3):
    cloud = FakeCloudFormation("UPDATE_COMPLETE", OUTPUTS)
    cloud.script = [("DELETE_COMPLETE", [])]
    s3.put_object(Bucket="raw", Key="a.csv", Body=b"x")
    assert _destroy(cloud, s3, delete_data=False) == ["kept s3://artifacts", "kept s3://raw"]
    assert _keys(s3, "raw") == ["a.csv"]


def test_destroy_deletes_every_version(s3):
    cloud = FakeCloudFormation("UPDATE_COMPLETE", OUTPUTS)
    cloud.script = [("DELETE_COMPLETE", [])]
    s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket="raw", Key="a.csv", Body=body)
    s3.delete_object(Bucket="raw", Key="a.csv")
    assert _destroy(cloud, s3, delete_data=True) == ["deleted s3://artifacts", "deleted s3://raw"]
    assert not {"artifacts", "raw"} & {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def test_missing_stack_deletes_nothing(s3):
    cloud = FakeCloudFormation()
    assert _destroy(cloud, s3, delete_data=True) == ["there is no stack churn"]
    assert cloud.named("delete_stack") == []


def test_failed_deletion_keeps_the_buckets(s3):
    cloud = FakeCloudFormation("UPDATE_COMPLETE", OUTPUTS)
    cloud.script = [("DELETE_FAILED", [("DELETE_FAILED", "Key", "AWS::KMS::Key", "in use")])]
    with pytest.raises(PlatformError, match="Key: in use"):
        _destroy(cloud, s3, delete_data=True)
    assert {"artifacts", "raw"} <= {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert set(OUTPUTS) & set(BUCKETS) == {"ArtifactBucketName", "RawBucketName"}
