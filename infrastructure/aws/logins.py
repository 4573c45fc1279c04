"""Logins that Secrets Manager keeps."""

import json
from dataclasses import dataclass, field
from typing import Any

from contract.errors import PlatformError
from infrastructure.aws.calls import aws_errors_as


@dataclass(frozen=True)
class Login:
    """A user of a database; the password is not shown."""

    user: str
    password: str = field(repr=False)


def read_login(secrets: Any, arn: str) -> Login:
    """Return the login that a secret has; `secrets` is a boto3 client of secretsmanager.

    Raises PlatformError, which never shows what the secret has.
    """
    with aws_errors_as(f"reading the secret {arn}"):
        text = secrets.get_secret_value(SecretId=arn)["SecretString"]
    try:
        content = json.loads(text)
        return Login(content["username"], content["password"])
    except (ValueError, KeyError, TypeError):
        # Without `from`: the cause would show the secret.
        message = f"the secret {arn} is not JSON with the keys username and password"
        raise PlatformError(message) from None
