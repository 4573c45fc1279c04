"""Who logs in to the warehouse, and how a connection is tried, given and closed."""

import json

import pytest
import redshift_connector
from botocore.exceptions import ClientError
from pydantic import SecretStr

from blocks import redshift
from blocks.redshift import RedshiftWarehouse
from contract.errors import PlatformError, WarehouseError

SECRET = "planted-password"


class Aws:
    """The three services that know a password, by hand; `asked` are the calls."""

    def __init__(self, answer=None, problem=None):
        self.answer, self.problem, self.asked = answer, problem, []

    def client(self, credentials, service):
        self.asked.append(service)
        return self

    def get_secret_value(self, **asked):
        return self._answer(asked)

    get_credentials = get_cluster_credentials = get_secret_value

    def _answer(self, asked):
        self.asked.append(asked)
        if self.problem:
            raise self.problem
        return self.answer


class Connection:
    closed = 0

    def close(self):
        self.closed += 1


@pytest.fixture
def driver(monkeypatch):
    """The driver: `outcomes` are connections or errors, one per attempt; `attempts` what it was given."""

    class Driver:
        outcomes, attempts = [], []

    made = Driver()
    made.outcomes, made.attempts = [], []

    def connect(**given):
        made.attempts.append(given)
        outcome = made.outcomes.pop(0) if made.outcomes else Connection()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(redshift.redshift_connector, "connect", connect)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    return made


def _block(**given):
    return RedshiftWarehouse(**{"host": "wh.example", "iam_role": "r", "user": "loader"} | given)


def _entered(driver, monkeypatch, aws=None, **given):
    """User and password with which a block connects."""
    if aws:
        monkeypatch.setattr(redshift, "aws_client", aws.client)
    with _block(**given).connection():
        pass
    (attempt,) = driver.attempts
    return attempt["user"], attempt["password"]


def test_user_enters_with_password(driver, monkeypatch):
    assert _entered(driver, monkeypatch, password=SecretStr(SECRET)) == ("loader", SECRET)
    (attempt,) = driver.attempts
    assert (attempt["host"], attempt["port"], attempt["database"]) == ("wh.example", 5439, "telecom_churn")
    assert (attempt["ssl"], attempt["sslmode"]) == (True, "verify-full")


def test_secret_is_asked_first(driver, monkeypatch):
    aws = Aws({"SecretString": json.dumps({"username": "admin", "password": SECRET})})
    assert _entered(driver, monkeypatch, aws, secret_arn="arn:s", workgroup="w") == ("admin", SECRET)
    assert aws.asked == ["secretsmanager", {"SecretId": "arn:s"}]


def test_workgroup_gives_a_password(driver, monkeypatch):
    aws = Aws({"dbUser": "IAM:me", "dbPassword": SECRET})
    assert _entered(driver, monkeypatch, aws, workgroup="w", cluster="c") == ("IAM:me", SECRET)
    assert aws.asked == ["redshift-serverless", {"workgroupName": "w", "dbName": "telecom_churn"}]


@pytest.mark.parametrize(("user", "asked_for"), [("loader", "loader"), ("", "churn_loader")])
def test_cluster_gives_a_password(driver, monkeypatch, user, asked_for):
    aws = Aws({"DbUser": f"IAM:{asked_for}", "DbPassword": SECRET})
    assert _entered(driver, monkeypatch, aws, cluster="c", user=user) == (f"IAM:{asked_for}", SECRET)
    assert aws.asked[1]["DbUser"] == asked_for


@pytest.mark.parametrize(
    ("given", "login"),
    [
        ({"secret_arn": "arn:s", "workgroup": "w"}, "secret arn:s"),
        ({"workgroup": "w"}, "IAM"),
        ({"cluster": "c"}, "IAM"),
        ({"password": SecretStr(SECRET)}, "user loader"),
    ],
)
def test_login_is_said_without_password(given, login):
    assert _block(**given).login == login
    assert SECRET not in repr(_block(**given))


@pytest.mark.parametrize("text", [SECRET, "[]", "7", json.dumps({"user": SECRET}), json.dumps({"username": "u"})])
def test_odd_secret_is_not_shown(driver, monkeypatch, text):
    with pytest.raises(PlatformError, match="the secret arn:s") as error:
        _entered(driver, monkeypatch, Aws({"SecretString": text}), secret_arn="arn:s")
    assert SECRET not in str(error.value)
    assert error.value.__cause__ is None
    assert driver.attempts == []


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"secret_arn": "arn:s"}, PlatformError, "reading the secret arn:s"),
        ({"workgroup": "w"}, WarehouseError, "logging in to the workgroup w"),
        ({"cluster": "c"}, WarehouseError, "logging in to the cluster c"),
    ],
)
def test_refused_login_is_named(driver, monkeypatch, given, kind, words):
    problem = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Get")
    with pytest.raises(kind, match=words):
        _entered(driver, monkeypatch, Aws(problem=problem), **given)


@pytest.mark.parametrize(
    "problem",
    [
        ConnectionRefusedError(111, "refused"),
        TimeoutError("timed out"),
        redshift_connector.OperationalError("starting"),
        redshift_connector.InterfaceError("communication error"),
    ],
)
def test_silent_warehouse_is_tried_again(driver, problem):
    driver.outcomes = [problem, problem, Connection()]
    with _block().connection() as opened:
        assert isinstance(opened, Connection)
    assert len(driver.attempts) == 3


@pytest.mark.parametrize(
    "problem",
    [
        redshift_connector.ProgrammingError({"M": "password authentication failed", "C": "28P01"}),
        redshift_connector.InterfaceError("password authentication failed"),
    ],
)
def test_refused_password_is_an_answer(driver, problem):
    driver.outcomes = [problem]
    words = "cannot connect to wh.example:5439/telecom_churn as loader: password authentication failed"
    with pytest.raises(WarehouseError, match=words), _block().connection():
        pass
    assert len(driver.attempts) == 1


def test_patience_has_an_end(driver):
    driver.outcomes = [ConnectionRefusedError(111, "refused")] * 3
    with pytest.raises(WarehouseError, match="as loader"), _block(connect_timeout_seconds=0).connection():
        pass
    assert len(driver.attempts) == 1


def test_connection_is_closed_after_errors(driver):
    opened = Connection()
    driver.outcomes = [opened]
    with pytest.raises(ZeroDivisionError), _block().connection():
        raise ZeroDivisionError
    assert opened.closed == 1


def test_lost_connection_needs_no_closing(driver):
    class Lost(Connection):
        def close(self):
            raise redshift_connector.InterfaceError("connection is closed")

    driver.outcomes = [Lost()]
    with _block().connection() as opened:
        assert isinstance(opened, Lost)
