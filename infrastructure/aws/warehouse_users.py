"""The users of the warehouse: the one that loads owns the schema, the one that people query with reads what it is granted.

CloudFormation has no resource for users. Each has a secret of the stack, and follows it with every deployment.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from contract.errors import PlatformError
from infrastructure.aws.calls import aws_errors_as
from infrastructure.aws.data_api import DataApi
from infrastructure.aws.logins import Login, read_login

SCHEMA, READERS = "churn", "churn_readers"
_MEMBERS = f"SELECT u.usename FROM pg_user u, pg_group g WHERE u.usesysid = ANY(g.grolist) AND g.groname = '{READERS}'"
# A workgroup that is new or idle takes a minute to answer.
_TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True)
class Present:
    """The users and groups that the warehouse has, and the members of the group of readers."""

    users: Collection[str]
    groups: Collection[str]
    readers: Collection[str]


def ensure_users(client: Callable[[str], Any], outputs: Mapping[str, str], log: Callable[[str], None]) -> None:
    """Create what is missing, and set the passwords of the secrets, as the administrator.

    `client` gives the boto3 client of a service. No statement has a password, only its hash. Raises PlatformError,
    WarehouseError, QueryError.
    """
    secrets = client("secretsmanager")
    loader, reader = (read_login(secrets, outputs[name]) for name in ("LoaderSecretArn", "ReaderSecretArn"))
    target = {
        "WorkgroupName": outputs["WarehouseWorkgroup"],
        "Database": outputs["WarehouseDatabase"],
        "SecretArn": _administrator(client("redshift-serverless"), outputs["WarehouseNamespace"]),
    }
    api = DataApi(client("redshift-data"), target, _TIMEOUT_SECONDS, log)
    present = Present(
        users=_names(api, "SELECT usename FROM pg_user"),
        groups=_names(api, "SELECT groname FROM pg_group"),
        readers=_names(api, _MEMBERS),
    )
    api.transact(statements(present, loader, reader))
    log(f"the warehouse's users {loader.user} and {reader.user} have the passwords of their secrets")


def statements(present: Present, loader: Login, reader: Login) -> list[str]:
    """Return the SQL that makes of what is `present` what is wanted: users, the group of readers, the loader's schema."""
    group = [] if READERS in present.groups else [f"CREATE GROUP {READERS}"]
    users = [_set_password(login, is_new=login.user not in present.users) for login in (loader, reader)]
    member = [] if reader.user in present.readers else [f"ALTER GROUP {READERS} ADD USER {_identifier(reader.user)}"]
    owner = _identifier(loader.user)
    schema = [f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} AUTHORIZATION {owner}", f"ALTER SCHEMA {SCHEMA} OWNER TO {owner}"]
    return [*group, *users, *member, *schema]


def password_hash(login: Login) -> str:
    """Return the form in which Redshift takes and keeps a password, so that no statement has the password itself."""
    return "md5" + hashlib.md5(f"{login.password}{login.user}".encode()).hexdigest()  # noqa: S324 (Redshift's)


def _set_password(login: Login, *, is_new: bool) -> str:
    verb = "CREATE" if is_new else "ALTER"
    return f"{verb} USER {_identifier(login.user)} PASSWORD '{password_hash(login)}'"


def _administrator(redshift: Any, namespace: str) -> str:
    """The secret of the administrator, which Redshift manages and rotates."""
    with aws_errors_as(f"reading the namespace {namespace}"):
        found = redshift.get_namespace(namespaceName=namespace)["namespace"]
    if not found.get("adminPasswordSecretArn"):
        raise PlatformError(
            f"the administrator's password of the namespace {namespace} is not in Secrets Manager, so the warehouse's users "
            "cannot be created. Let Redshift manage it (aws redshift-serverless update-namespace --manage-admin-password), "
            "then deploy again"
        )
    return str(found["adminPasswordSecretArn"])


def _names(api: DataApi, sql: str) -> set[str]:
    return {str(row[0]) for row in api.read(sql)[1]}


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
