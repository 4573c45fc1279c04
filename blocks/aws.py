"""AWS clients from prefect-aws's credentials, and what their errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from prefect_aws import AwsCredentials

from transforms.errors import ChurnError, PlatformError

# Reads are repeated by botocore itself; what must not happen twice is sent once and repeated by its caller.
_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 8}, connect_timeout=10, read_timeout=60)
_ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60)
_EXPIRED = (
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
)
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_MAKING = Lock()


def client_of(credentials: AwsCredentials, service: str, *, once: bool = False) -> Any:
    """A boto3 client; `once` for calls that must not be repeated behind the caller's back."""
    settings = credentials.aws_client_parameters.get_params_override()
    settings["config"] = settings.get("config", Config()).merge(_ONCE if once else _PATIENT)
    with _MAKING:  # a session is not made for several threads, its clients are
        return _session(credentials).client(service, region_name=credentials.region_name, **settings)


@lru_cache(maxsize=8)
def _session(credentials: AwsCredentials) -> boto3.Session:
    """Kept: most of what a client costs is what its session reads once."""
    return credentials.get_boto3_session()


def pauses(first: float, longest: float) -> Iterator[float]:
    """Seconds to wait between looks at something that takes its time: each half as long again as the one before."""
    pause = min(first, longest)
    while True:
        yield pause
        pause = min(pause * 1.5, longest)


def code_of(error: ClientError) -> str:
    """AWS's name of an error, e.g. ThrottlingException."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def explained(doing: str, kind: type[ChurnError] = PlatformError) -> Iterator[None]:
    """Turn errors of AWS into one of ours that says what we were doing and what to do."""
    try:
        yield
    except ClientError as error:
        raise kind(f"{doing}: {_remedy(error)}") from error
    except NoCredentialsError as error:
        raise PlatformError(
            f"{doing}: no AWS credentials were found. Log in, or fill in the AwsCredentials block."
        ) from error
    except BotoCoreError as error:
        raise kind(f"{doing}: {error}") from error


def _remedy(error: ClientError) -> str:
    text = str(error.response.get("Error", {}).get("Message") or error)
    if code_of(error) in _EXPIRED:
        return f"the AWS credentials have expired or are not known ({text}). Renew them and run again."
    if code_of(error) in _DENIED:
        return f"the role may not do that ({text}). Compare it with infrastructure/cloudformation.yaml."
    return f"{text} ({code_of(error)})"
