"""What the guard of the job's role refuses, asked by any S3 client; that the script needs no more is seen by every test here.

The guard would be of no use if it let everything pass.
"""

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.cloud.stand_in import JOB_KEY_ID, KEY, REGION


@pytest.fixture
def buckets(cloud):
    """The buckets of the template and another one, each with an object."""
    s3 = cloud.client("s3")
    for bucket in ("raw", "lake", "other"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="a/b.csv", Body=b"x")


@pytest.fixture
def script(cloud, buckets):
    """S3 as the script reaches it."""
    given = {"aws_access_key_id": JOB_KEY_ID, "aws_secret_access_key": KEY, "region_name": REGION}
    return boto3.client("s3", endpoint_url=cloud.url, **given)


def test_script_reads_raw_files_and_writes_the_lake(script, roles):
    keys = {"Bucket": "lake", "Key": "lake/a"}
    assert script.list_objects_v2(Bucket="raw", Prefix="a/")["KeyCount"] == 1
    assert script.get_object(Bucket="raw", Key="a/b.csv")["Body"].read() == b"x"
    script.put_object(**keys, Body=b"y")
    script.copy_object(**keys | {"Key": "lake/c"}, CopySource="lake/lake/a")
    upload = script.create_multipart_upload(**keys)["UploadId"]
    script.upload_part(**keys, UploadId=upload, PartNumber=1, Body=b"z")
    assert script.list_parts(**keys, UploadId=upload)["Parts"]
    script.abort_multipart_upload(**keys, UploadId=upload)
    found = script.delete_objects(Bucket="lake", Delete={"Objects": [{"Key": "lake/a"}, {"Key": "lake/c"}]})
    assert len(found["Deleted"]) == 2
    assert roles.job.refused == []
    assert {"s3:AbortMultipartUpload", "kms:Decrypt", "kms:GenerateDataKey"} <= roles.job.used


@pytest.mark.parametrize(
    ("ask", "refused"),
    [
        (lambda s3: s3.put_object(Bucket="raw", Key="a/n", Body=b""), ("s3:PutObject", "arn:RawBucket/a/n")),
        (lambda s3: s3.delete_object(Bucket="raw", Key="a/b.csv"), ("s3:DeleteObject", "arn:RawBucket/a/b.csv")),
        (
            lambda s3: s3.delete_objects(Bucket="raw", Delete={"Objects": [{"Key": "a/b.csv"}]}),
            ("s3:DeleteObject", "arn:RawBucket/a/b.csv"),
        ),
        (lambda s3: s3.get_object(Bucket="other", Key="a/b.csv"), ("s3:GetObject", "arn:other/a/b.csv")),
        (lambda s3: s3.list_objects_v2(Bucket="other"), ("s3:ListBucket", "arn:other")),
        (
            lambda s3: s3.copy_object(Bucket="lake", Key="lake/n", CopySource="other/a/b.csv"),
            ("s3:GetObject", "arn:other/a/b.csv"),
        ),
        (lambda s3: s3.create_multipart_upload(Bucket="raw", Key="a/n"), ("s3:PutObject", "arn:RawBucket/a/n")),
        (
            lambda s3: s3.get_object(Bucket="lake", Key="lake/a", VersionId="1"),
            ("GET with versionId", "arn:LakeBucket/lake/a"),
        ),
        (lambda s3: s3.delete_bucket(Bucket="lake"), ("DELETE of a bucket", "arn:LakeBucket")),
    ],
)
def test_script_may_do_no_more(cloud, script, roles, ask, refused):
    with pytest.raises(ClientError, match="AccessDenied"):
        ask(script)
    assert roles.job.refused == [refused]
    assert cloud.client("s3").get_object(Bucket="raw", Key="a/b.csv")["Body"].read() == b"x"
    roles.job.refused.clear()
