"""The warehouse's users as `churn deploy` makes them, through the Data API, and what each of them may do then."""

import json
from decimal import Decimal

import pytest

from blocks.aws import aws_client
from blocks.glue import LocalGlueJob
from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from blocks.stack_outputs import platform_from_outputs
from contract.errors import PlatformError, QueryError, WarehouseError
from infrastructure.aws.warehouse_users import ensure_users
from infrastructure.local.redshift.account import DATABASE, USER
from serving.warehouse.statements import execute
from tasks.warehouse import load_warehouse
from tests.cloud.conftest import PASSWORD, started_warehouse
from tests.cloud.data_api import DataApiService
from tests.cloud.stand_in import REGION, first, json_error
from tests.support.exports import write_export
from tests.support.stack_outputs import OUTPUTS

LOADER, READER = "planted-loader-password-1", "planted-reader-password-1"


@pytest.fixture(scope="module")
def redshift(_cloud, tmp_path_factory):
    """A server of its own: users and groups are of all its databases, and loads of other tests grant them more."""
    yield from started_warehouse(_cloud, tmp_path_factory.mktemp("redshift"))


@pytest.fixture
def service(cloud, redshift, administrator):
    """The Data API and the namespace of a stack, in whose warehouse there are no users yet."""
    _remove_users(administrator)
    running = DataApiService(cloud, redshift.port, (USER, PASSWORD))
    secret = _secret(cloud, "admin", USER, PASSWORD)
    cloud.services["RedshiftServerless.GetNamespace"] = lambda asked: {
        "namespace": {"namespaceName": asked["namespaceName"], "adminPasswordSecretArn": secret}
    }
    yield running
    _remove_users(administrator)


@pytest.fixture
def administrator(redshift, credentials, cloud):
    return _connected(redshift, credentials, _secret(cloud, "admin", USER, PASSWORD))


@pytest.fixture
def outputs(cloud, service):
    return OUTPUTS | {
        "Region": REGION,
        "WarehouseDatabase": DATABASE,
        "WarehouseNamespace": "churn-1a",
        "LoaderSecretArn": _secret(cloud, "loader", "churn_loader", LOADER),
        "ReaderSecretArn": _secret(cloud, "reader", "churn_reader", READER),
    }


def _secret(cloud, name, user, password):
    """A secret with this content, new or changed."""
    client, text = cloud.client("secretsmanager"), json.dumps({"username": user, "password": password})
    try:
        return client.create_secret(Name=name, SecretString=text)["ARN"]
    except client.exceptions.ResourceExistsException:
        return client.put_secret_value(SecretId=name, SecretString=text)["ARN"]


def _connected(redshift, credentials, secret):
    """A block with which that secret's user connects."""
    return RedshiftWarehouse(
        host="127.0.0.1",
        port=redshift.port,
        secret_arn=secret,
        schema_name="churn",
        bi_group="churn_readers",
        credentials=credentials,
        iam_role="arn:aws:iam::123456789012:role/copy",
        ssl=False,
        connect_timeout_seconds=10,
    )


def _remove_users(administrator):
    with administrator.connection() as connection:
        execute(connection, "DROP SCHEMA IF EXISTS churn CASCADE")
        for user in ("churn_loader", "churn_reader"):
            if execute(connection, f"SELECT 1 FROM pg_user WHERE usename = '{user}'"):
                execute(connection, f"DROP USER {user}")
        if execute(connection, "SELECT 1 FROM pg_group WHERE groname = 'churn_readers'"):
            execute(connection, "DROP GROUP churn_readers")
        connection.commit()


def _ensured(credentials, outputs):
    lines = []
    ensure_users(lambda name: aws_client(credentials, name), outputs, lines.append)
    return lines


def _whoami(redshift, credentials, secret):
    with _connected(redshift, credentials, secret).connection() as connection:
        return execute(connection, "SELECT current_user")[0][0]


def test_first_load_and_first_query_need_no_step_by_hand(redshift, credentials, outputs, tmp_path):
    """As `churn deploy`, a worker's load and `churn query` on a laptop follow one another."""
    _ensured(credentials, outputs)
    loading = _connected(redshift, credentials, outputs["LoaderSecretArn"])
    platform = Platform(lake=str(tmp_path), jobs=LocalGlueJob(), warehouse=loading)
    write_export(platform.folder(), 0, [("a", "Low", Decimal(1), "U"), ("b", None, Decimal(2), "U")], table_rows=2)
    assert load_warehouse.fn(platform, 0).rows_loaded == 2
    asking = platform_from_outputs(outputs, credentials).required_warehouse()
    sql = "SELECT customer_id, risk_segment, cltv FROM customer_churn_analysis ORDER BY 1"
    assert asking.read(sql)[1] == [("a", "Low", Decimal("1.00")), ("b", None, Decimal("2.00"))]
    assert asking.read("SELECT current_user AS me")[1] == [("churn_reader",)]
    for forbidden in ("SELECT * FROM load_audit", "SELECT passwd FROM pg_shadow"):
        with pytest.raises(QueryError, match="permission denied"):
            asking.read(forbidden)


def test_reader_may_not_write_even_on_a_connection(redshift, credentials, outputs):
    _ensured(credentials, outputs)
    reader = _connected(redshift, credentials, outputs["ReaderSecretArn"])
    with reader.connection() as connection, pytest.raises(WarehouseError, match="permission denied for schema churn"):
        execute(connection, "CREATE TABLE churn.own (n INTEGER)")


def test_deploying_again_changes_nothing(redshift, credentials, outputs, administrator):
    _ensured(credentials, outputs)
    state = "SELECT u.usename, u.usesuper, g.groname FROM pg_user u LEFT JOIN pg_group g ON u.usesysid = ANY(g.grolist) ORDER BY 1"
    with administrator.connection() as connection:
        before = execute(connection, state)
    lines = _ensured(credentials, outputs)
    assert lines[-1] == "the warehouse's users churn_loader and churn_reader have the passwords of their secrets"
    with administrator.connection() as connection:
        assert execute(connection, state) == before
    assert ("churn_reader", False, "churn_readers") in map(tuple, before)
    assert ("churn_loader", False, None) in map(tuple, before)


def test_rotated_secret_is_followed(redshift, credentials, outputs, cloud):
    _ensured(credentials, outputs)
    _secret(cloud, "loader", "churn_loader", "planted-loader-password-2")
    with pytest.raises(WarehouseError, match="password authentication failed"):
        _whoami(redshift, credentials, outputs["LoaderSecretArn"])
    _ensured(credentials, outputs)
    assert _whoami(redshift, credentials, outputs["LoaderSecretArn"]) == "churn_loader"
    old = _secret(cloud, "old", "churn_loader", LOADER)
    with pytest.raises(WarehouseError, match="password authentication failed"):
        _whoami(redshift, credentials, old)


@pytest.mark.parametrize(
    "present",
    [
        ["CREATE GROUP churn_readers"],
        ["CREATE USER churn_loader PASSWORD 'md5{0}'"],
        ["CREATE USER churn_reader PASSWORD 'md5{0}'", "CREATE SCHEMA churn"],
        ["CREATE GROUP churn_readers", "CREATE USER churn_reader PASSWORD 'md5{0}' IN GROUP churn_readers"],
    ],
    ids=["group", "loader", "reader without a group, schema of the administrator", "reader in the group"],
)
def test_what_somebody_made_by_hand_is_completed(redshift, credentials, outputs, administrator, present):
    """Earlier versions had a step by hand, of which a part may have been done."""
    with administrator.connection() as connection:
        for statement in present:
            execute(connection, statement.format("0" * 32))
        connection.commit()
    _ensured(credentials, outputs)
    assert _whoami(redshift, credentials, outputs["ReaderSecretArn"]) == "churn_reader"
    with _connected(redshift, credentials, outputs["LoaderSecretArn"]).connection() as connection:
        execute(connection, "CREATE TABLE churn.own (n INTEGER)")
        execute(connection, "GRANT USAGE ON SCHEMA churn TO GROUP churn_readers")
        execute(connection, "GRANT SELECT ON churn.own TO GROUP churn_readers")
        connection.commit()
    asking = platform_from_outputs(outputs, credentials).required_warehouse()
    assert asking.read("SELECT count(*) AS n FROM own") == (["n"], [(0,)])


def test_no_password_is_told_or_sent(credentials, outputs, service):
    lines = _ensured(credentials, outputs)
    sent = [sql for batch in service.batches.values() for sql in batch.asked["Sqls"]]
    assert any("CREATE USER" in sql for sql in sent)
    for password in (LOADER, READER, PASSWORD):
        assert password not in "".join([*lines, *sent])


def test_refusal_changes_nothing_and_names_the_action(credentials, outputs, cloud, administrator):
    text = "User: arn:aws:iam::1:user/ann is not authorized to perform: redshift-data:BatchExecuteStatement"
    cloud.faults.append(first(1, "RedshiftData.BatchExecuteStatement", json_error("AccessDeniedException", text)))
    with pytest.raises(WarehouseError, match="redshift-data:BatchExecuteStatement"):
        _ensured(credentials, outputs)
    with administrator.connection() as connection:
        assert execute(connection, "SELECT usename FROM pg_user WHERE usename LIKE 'churn%'") == []


def test_namespace_without_a_managed_password_is_named(credentials, outputs, cloud):
    cloud.services["RedshiftServerless.GetNamespace"] = lambda asked: {"namespace": {}}
    with pytest.raises(PlatformError, match=r"namespace churn-1a is not in Secrets Manager.*then deploy again"):
        _ensured(credentials, outputs)
