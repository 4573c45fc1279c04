"""AWS clients from prefect-aws's credentials."""

from functools import lru_cache
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from prefect_aws import AwsCredentials

from infrastructure.aws.calls import NO_RETRY, RETRYING

_CREATING = Lock()


def aws_client(credentials: AwsCredentials, service: str, *, once: bool = False) -> Any:
    """Return a boto3 client; `once` for calls that must not be repeated behind the caller's back."""
    settings = credentials.aws_client_parameters.get_params_override()
    settings["config"] = settings.get("config", Config()).merge(NO_RETRY if once else RETRYING)
    with _CREATING:  # boto3 sessions are not thread-safe, clients are
        return _session(credentials).client(service, region_name=credentials.region_name, **settings)


@lru_cache(maxsize=8)
def _session(credentials: AwsCredentials) -> boto3.Session:
    """Cached: most of the cost of a client is what its session reads once."""
    return credentials.get_boto3_session()
