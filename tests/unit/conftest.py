"""The two kinds of folder, held to one contract."""

import boto3
import pytest
from moto import mock_aws

from transforms.runtime.storage import open_folder


@pytest.fixture(scope="session")
def bucket():
    """S3 as moto imitates it, in this process."""
    with mock_aws():
        s3 = boto3.client("s3", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")  # not a secret
        s3.create_bucket(Bucket="bucket")
        yield s3


@pytest.fixture(params=["local", "s3"])
def folder(request, tmp_path):
    if request.param == "local":
        return open_folder(tmp_path / "a place")
    return open_folder(f"s3://bucket/{tmp_path.name}", request.getfixturevalue("bucket"))
