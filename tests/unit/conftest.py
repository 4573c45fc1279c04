"""The two kinds of folder, held to one contract; how many examples property tests try."""

import boto3
import pytest
from hypothesis import settings
from moto import mock_aws

from lake.storage import open_folder

# No deadline: how long an example takes says more about the machine's other work than about ours.
settings.register_profile("unit", deadline=None, max_examples=50)
settings.load_profile("unit")


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
