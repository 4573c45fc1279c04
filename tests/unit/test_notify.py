"""Notifiers: what is sent, and which failures mean that somebody may have got it."""

import socket
import threading
from email import message_from_bytes

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from pydantic import SecretStr

from blocks import notify
from blocks.notify import ChatWebhook, Mail, Topic
from contract.errors import NotifyError, UnknownDeliveryError
from infrastructure.local.services import free_port
from tests.support.receivers import MailServer, Webhook


@pytest.fixture
def webhook():
    receiver = Webhook()
    yield receiver
    receiver._server.server_close()
    receiver._silent.set()


@pytest.fixture
def mail_server():
    server = MailServer()
    yield server
    server._server.server_close()


def _chat(url, **options):
    return ChatWebhook(url=SecretStr(url), **options)


def _mail(port, **options):
    return Mail(host="127.0.0.1", port=port, sender="churn@example.com", recipients=["a@b.c", "d@e.f"], starttls=False, **options)  # fmt: skip


@pytest.mark.parametrize(("subject", "text"), [("New", "*New*\nbody"), (None, "body"), ("", "body")])
def test_chat_gets_subject_and_body(webhook, subject, text):
    _chat(webhook.url).notify("body", subject)
    assert webhook.texts == [text]


@pytest.mark.parametrize("status", [400, 404, 500])
def test_refusing_chat_got_nothing(webhook, status):
    webhook.answers = [status]
    with pytest.raises(NotifyError, match=f"answered {status}: said the receiver") as error:
        _chat(webhook.url).notify("body")
    assert type(error.value) is NotifyError


def test_silent_chat_may_have_it(webhook):
    webhook.answers = [0]
    with pytest.raises(UnknownDeliveryError, match="did not answer"):
        _chat(webhook.url, timeout_seconds=0.1).notify("body")


def test_hung_up_chat_may_have_it():
    with socket.socket() as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.listen()

        def hang_up():
            client, _ = receiver.accept()
            client.recv(10_000)
            client.close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(UnknownDeliveryError):
            _chat(f"http://127.0.0.1:{receiver.getsockname()[1]}/hook").notify("body")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/planted-path", "nonsense://planted-path", "http://[planted-path"]
)
def test_unreachable_chat_keeps_its_address(url):
    with pytest.raises(NotifyError, match="cannot reach the webhook") as error:
        _chat(url.format(port=free_port())).notify("body")
    assert type(error.value) is NotifyError
    assert error.value.__cause__ is None
    assert "planted" not in str(error.value)


def test_mail_reaches_its_people(mail_server):
    _mail(mail_server.port).notify("Zürich\nsecond line", "2 customers")
    mail = message_from_bytes(mail_server.mails[0])
    assert (mail["Subject"], mail["From"], mail["To"]) == ("2 customers", "churn@example.com", "a@b.c, d@e.f")
    assert mail.get_payload(decode=True).decode().split() == ["Zürich", "second", "line"]


def test_mail_without_subject_has_one(mail_server):
    _mail(mail_server.port).notify("body")
    assert message_from_bytes(mail_server.mails[0])["Subject"] == "Churn"


def test_refused_mail_names_its_server(mail_server):
    mail_server.refuse = True
    with pytest.raises(NotifyError, match=f"127.0.0.1:{mail_server.port} refused the mail") as error:
        _mail(mail_server.port).notify("body")
    assert type(error.value) is NotifyError
    assert mail_server.mails == []


def test_absent_server_got_nothing():
    with pytest.raises(NotifyError, match="refused the mail") as error:
        _mail(free_port()).notify("body")
    assert type(error.value) is NotifyError


@pytest.fixture
def topic(monkeypatch):
    """A topic, and the messages that SNS was sent; it raises what a test puts into `problems`."""

    class Sns:
        messages, problems = [], []

        def publish(self, **message):
            self.messages.append(message)
            if self.problems:
                raise self.problems.pop()

    asked = []
    monkeypatch.setattr(notify, "aws_client", lambda *given, **options: asked.append((given[1:], options)) or sns)
    sns = Sns()
    sns.messages, sns.problems = [], []
    yield Topic(topic_arn="arn:topic"), sns
    assert set(map(repr, asked)) == {repr((("sns",), {"once": True}))}, "a message is never repeated"


@pytest.mark.parametrize(
    ("subject", "expected"),
    [("Short", {"Subject": "Short"}), ("x" * 150, {"Subject": "x" * 100}), ("", {}), (None, {})],
)
def test_topic_takes_short_subjects(topic, subject, expected):
    block, sns = topic
    block.notify("body", subject)
    assert sns.messages == [{"TopicArn": "arn:topic", "Message": "body"} | expected]


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (ReadTimeoutError(endpoint_url="https://sns"), UnknownDeliveryError),
        (ConnectionClosedError(endpoint_url="https://sns"), UnknownDeliveryError),
        (EndpointConnectionError(endpoint_url="https://sns"), NotifyError),
        (NoCredentialsError(), NotifyError),
        (ClientError({"Error": {"Code": "AuthorizationError", "Message": "no"}}, "Publish"), NotifyError),
    ],
)
def test_topic_knows_what_is_unknown(topic, problem, kind):
    block, sns = topic
    sns.problems = [problem]
    with pytest.raises(NotifyError, match="the topic arn:topic") as error:
        block.notify("body")
    assert type(error.value) is kind


def test_secrets_are_not_shown():
    shown = f"{_chat('https://planted')!r} {_mail(1, user='u', password=SecretStr('planted'))!r}"
    assert "planted" not in shown
