"""Calls to AWS: how often they are retried, how long to pause between polls, and what errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from contract.errors import ChurnError, PlatformError

# Reads are repeated by botocore itself; what must not happen twice is sent once and repeated by its caller.
RETRYING = Config(retries={"mode": "standard", "total_max_attempts": 8}, connect_timeout=10, read_timeout=60)
NO_RETRY = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60)
_EXPIRED = (
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
)
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


def poll_intervals(first: float, longest: float) -> Iterator[float]:
    """Yield the seconds to wait between polls: each half as long again as the one before, up to `longest`."""
    interval = min(first, longest)
    while True:
        yield interval
        interval = min(interval * 1.5, longest)


def error_code(error: ClientError) -> str:
    """Return AWS's name of an error, e.g. ThrottlingException."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def aws_errors_as(doing: str, kind: type[ChurnError] = PlatformError) -> Iterator[None]:
    """Translate errors of AWS. Raises `kind`, with what was being done (`doing`) and the remedy."""
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
    if error_code(error) in _EXPIRED:
        return f"the AWS credentials have expired or are not known ({text}). Renew them and run again."
    if error_code(error) in _DENIED:
        return f"the role may not do that ({text}). Compare it with infrastructure/cloudformation.yaml."
    return f"{text} ({error_code(error)})"
