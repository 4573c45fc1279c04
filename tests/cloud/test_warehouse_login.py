"""Who logs in to the warehouse: secrets, IAM, and what is said when that fails. Nothing secret is ever shown."""

import json
import socket
import threading
import time

import pytest
from pydantic import SecretStr

from blocks.redshift import RedshiftWarehouse
from contract.errors import PlatformError, WarehouseError
from tests.support.ports import bound_below_ephemeral_ports

SECRET = "planted-secret-91bc"


@pytest.fixture
def warehouse(credentials):
    return RedshiftWarehouse(
        host="127.0.0.1", port=1, credentials=credentials, iam_role="r", connect_timeout_seconds=0.1
    )


def _secret(cloud, name, text):
    return cloud.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"]


def test_a_managed_secret_is_read_for_each_connection(cloud, warehouse):
    arn = _secret(cloud, "rotated", json.dumps({"username": "admin", "password": SECRET}))
    block = warehouse.model_copy(update={"secret_arn": arn})
    assert block._login() == ("admin", SECRET)
    rotated = json.dumps({"username": "admin", "password": "new"})
    cloud.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=rotated)
    assert block._login() == ("admin", "new")
    assert SECRET not in f"{block!r}{block.login}"


@pytest.mark.parametrize("number", range(3))
def test_a_secret_of_another_shape_is_named_and_not_shown(cloud, warehouse, number):
    arn = _secret(cloud, f"odd-{number}", (SECRET, "[]", json.dumps({"user": SECRET}))[number])
    with pytest.raises(PlatformError, match="is not JSON with the keys username and password") as error:
        warehouse.model_copy(update={"secret_arn": arn})._login()
    assert SECRET not in str(error.value)
    assert error.value.__cause__ is None


def test_a_secret_that_is_not_there_is_named(cloud, warehouse):
    with pytest.raises(PlatformError, match="reading the secret nowhere"):
        warehouse.model_copy(update={"secret_arn": "nowhere"})._login()


def test_a_cluster_is_entered_with_iam(cloud, warehouse):
    cloud.client("redshift").create_cluster(
        ClusterIdentifier="churn", NodeType="ra3.large", MasterUsername="a", MasterUserPassword="Passw0rdPassw0rd"
    )
    user, password = warehouse.model_copy(update={"cluster": "churn"})._login()
    assert user.endswith("churn_loader")
    assert password
    with pytest.raises(WarehouseError, match="cluster nobody"):
        warehouse.model_copy(update={"cluster": "nobody"})._login()


def test_nobody_listening_is_an_error_with_the_address_after_some_patience(warehouse):
    block = warehouse.model_copy(update={"user": "u", "password": SecretStr(SECRET), "connect_timeout_seconds": 1.0})
    began = time.monotonic()
    with (
        pytest.raises(WarehouseError, match=r"cannot connect to 127\.0\.0\.1:1/telecom_churn as u") as error,
        block.connection(),
    ):
        pass
    assert time.monotonic() - began > 0.5
    assert SECRET not in str(error.value)


def test_an_idle_workgroup_is_given_time_to_start(redshift, cloud):
    """The port opens only after the first tries."""
    from tests.cloud.conftest import PASSWORD

    with socket.socket() as probe:
        port = bound_below_ephemeral_ports(probe)
    block = RedshiftWarehouse(
        host="127.0.0.1",
        port=port,
        user="admin",
        password=SecretStr(PASSWORD),
        iam_role="r",
        ssl=False,
        connect_timeout_seconds=30,
    )

    def wake_up():
        time.sleep(1)
        listener = socket.create_server(("127.0.0.1", port))
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", redshift.port))
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()

    threading.Thread(target=wake_up, daemon=True).start()
    with block.connection() as connection:
        assert connection is not None


def _pass_on(source, target):
    while data := source.recv(65536):
        target.sendall(data)
