"""Alerts: what is sent, to whom, never twice. Receivers are real servers on this machine; SNS is moto."""

import email
import email.policy
import json

import pytest
from pydantic import SecretStr

from blocks.glue import LocalGlueJob
from blocks.notify import ChatWebhook, Mail
from blocks.platform import Platform
from contract.errors import NotifyError, UnknownDeliveryError
from flows.notify_operators import notify_operators
from lake.alerts import Alert, Alerts, AtRisk
from lake.storage import open_folder
from tasks import alerts as alerts_task
from tasks.alerts import body, send_alerts, subject
from tests.support.receivers import MailServer

TOP = tuple(AtRisk(f"c{n}", "Fresno" if n else None, "Low-Value, Low-Risk", 30.0, 900 - n, 92) for n in range(12))


@pytest.fixture
def mail_server():
    running = MailServer()
    yield running
    running.stop()


@pytest.fixture
def platform(prefect_harness, warehouse, webhook, tmp_path):
    notifier = ChatWebhook(url=SecretStr(webhook.url), timeout_seconds=1)
    return Platform(lake=str(tmp_path), jobs=LocalGlueJob(), warehouse=warehouse, notifier=notifier)


def _alert(version=3, customers=12):
    return Alert(version, "2026-01-02", customers, 30.0 * customers, 10_000, TOP[:customers])


def _write(platform, *alerts):
    for alert in alerts:
        Alerts(platform.folder()).write(alert)


def test_a_manager_can_read_it():
    assert subject(_alert()) == "12 customers newly at risk, $360.00 a month"
    lines = body(_alert()).splitlines()
    assert lines[:2] == [
        "On 2026-01-02, 12 customers are newly at risk: still here, scored over 70.",
        "Together: $360.00 a month, $10,000 lifetime value.",
    ]
    assert lines[4] == "1. c0 (city unknown): score 92, $900 lifetime value, $30.00 a month"
    assert len([line for line in lines if line[0:1].isdigit()]) == 10
    assert lines[-1] == "and 2 more: gold.customer_movements, newly_at_risk"
    assert body(_alert(customers=1)).startswith("On 2026-01-02, 1 customer is newly at risk")


def test_every_alert_is_sent_once(platform, webhook):
    _write(platform, _alert(3), _alert(5, customers=1), _alert(6, customers=0))
    assert send_alerts(platform) == 13
    assert [text.splitlines()[0] for text in webhook.texts] == [
        f"*{subject(_alert())}*",
        f"*{subject(_alert(customers=1))}*",
    ]
    assert send_alerts(platform) == 0
    assert len(webhook.texts) == 2


def test_what_was_refused_is_tried_again_and_then_by_the_next_run(platform, webhook):
    quick = send_alerts.with_options(retry_delay_seconds=0)
    _write(platform, _alert())
    webhook.answers = [500, 503]
    assert quick(platform) == 12
    assert len(webhook.texts) == 1
    _write(platform, _alert(4))
    webhook.answers = [500] * 4
    with pytest.raises(NotifyError, match="answered 500: said the receiver"):
        quick(platform)
    assert quick(platform) == 12
    assert len(webhook.texts) == 2


def test_a_receiver_that_hangs_is_not_told_twice(platform, webhook, caplog):
    _write(platform, _alert())
    webhook.answers = [0]
    assert send_alerts(platform) == 12
    assert "may not have arrived" in caplog.text
    assert send_alerts(platform) == 0
    assert len(webhook.texts) == 1


def test_a_run_that_dies_after_sending_leads_to_no_second_message(platform, webhook, monkeypatch):
    _write(platform, _alert())

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(alerts_task, "_publish", die)
    with pytest.raises(KeyboardInterrupt):
        send_alerts.fn(platform)
    monkeypatch.undo()
    assert send_alerts(platform) == 0
    assert len(webhook.texts) == 1


def test_without_a_notifier_it_is_seen_in_prefect(platform):
    from prefect.artifacts import Artifact

    _write(platform, _alert())
    assert send_alerts(platform.model_copy(update={"notifier": None})) == 12
    rows = json.loads(Artifact.get("customers-at-risk").data)
    assert set(rows[0]) == {"customer_id", "city", "segment", "monthly_charges", "source_cltv", "source_churn_score"}


def test_operators_are_told_and_a_hanging_receiver_does_not_fail_the_message(platform, webhook):
    notify_operators(platform, "churn-pipeline: Failed", "the gate stopped the batch")
    assert webhook.texts == ["*churn-pipeline: Failed*\nthe gate stopped the batch"]
    webhook.answers = [0]
    notify_operators(platform, "again", "")


def test_nobody_listens(webhook):
    webhook.stop()
    block = ChatWebhook(url=SecretStr("http://127.0.0.1:9/planted-path"), timeout_seconds=1)
    with pytest.raises(NotifyError, match="cannot reach the webhook: ConnectError") as error:
        block.notify("x")
    assert not isinstance(error.value, UnknownDeliveryError)
    assert "planted-path" not in f"{error.value}{block!r}"


def test_mail(mail_server):
    block = Mail(
        host="127.0.0.1", port=mail_server.port, sender="a@x.org", recipients=["b@x.org", "c@x.org"], starttls=False
    )
    block.notify("Ünïcode and a line\n.\nafter a dot", "Newly at risk")
    (sent,) = mail_server.mails
    message = email.message_from_bytes(sent, policy=email.policy.default)
    assert message["Subject"] == "Newly at risk"
    assert message["To"] == "b@x.org, c@x.org"
    assert "Ünïcode" in message.get_content()
    mail_server.refuse = True
    with pytest.raises(NotifyError, match="no such person"):
        block.notify("x", "y")
    assert len(mail_server.mails) == 1


def test_alerts_of_no_lake_are_none(tmp_path):
    assert list(Alerts(open_folder(tmp_path / "nothing")).open()) == []
