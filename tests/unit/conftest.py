"""The two kinds of folder, held to one contract; how many examples property tests try."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from lake.storage import open_folder

_NOBODY = 65534

# No deadline: how long an example takes says more about the machine's other work than about ours.
settings.register_profile("unit", deadline=None, max_examples=50)
settings.load_profile("unit")


@pytest.fixture(scope="session")
def bucket():
    """S3 as moto imitates it, in this process."""
    import boto3
    from moto import mock_aws

    with mock_aws():
        s3 = boto3.client("s3", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")  # not a secret
        s3.create_bucket(Bucket="bucket")
        yield s3


@pytest.fixture(scope="session")
def ec2(bucket):
    """EC2 as moto imitates it, in this process."""
    import boto3

    return boto3.client("ec2", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")  # not a secret


@pytest.fixture(params=["local", "s3"])
def folder(request, tmp_path):
    if request.param == "local":
        return open_folder(tmp_path / "a place")
    return open_folder(f"s3://bucket/{tmp_path.name}", request.getfixturevalue("bucket"))


@pytest.fixture
def as_somebody():
    """A context in which the process is a user who may not read everything, and a folder of theirs."""

    @contextmanager
    def somebody():
        place = Path(tempfile.mkdtemp())
        is_root = os.geteuid() == 0
        if is_root:
            os.chown(place, _NOBODY, _NOBODY)
            os.seteuid(_NOBODY)
        try:
            yield place
        finally:
            if is_root:
                os.seteuid(0)
            place.chmod(0o700)
            shutil.rmtree(place)

    return somebody
