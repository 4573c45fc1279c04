"""Arrivals on S3, through SQS, and alerts to SNS; over HTTP against moto."""

import json
import uuid

import pytest

from blocks.arrivals import ArrivalQueue
from blocks.notify import Topic
from contract.errors import NotifyError, PlatformError, UnknownDeliveryError
from tests.cloud.stand_in import first, hang_up


@pytest.fixture
def queue(cloud, orchestrator, roles):
    """A queue that is received from as Prefect's worker does."""
    url = cloud.client("sqs").create_queue(
        QueueName=f"arrivals-{uuid.uuid4().hex}", Attributes={"VisibilityTimeout": "0"}
    )["QueueUrl"]
    roles.names[url] = "Arrivals"
    return ArrivalQueue(queue_url=url, credentials=orchestrator, wait_seconds=0)


def _event(key, size=10):
    detail = {"bucket": {"name": "raw"}, "object": {"key": key, "size": size, "etag": "e1"}}
    return json.dumps({"detail-type": "Object Created", "source": "aws.s3", "detail": detail})


def _send(cloud, queue, *bodies):
    for body in bodies:
        cloud.client("sqs").send_message(QueueUrl=queue.queue_url, MessageBody=body)


def _left(cloud, queue):
    return cloud.client("sqs").receive_message(QueueUrl=queue.queue_url, MaxNumberOfMessages=10).get("Messages", [])


def test_files_are_announced_with_their_feed_then_forgotten(cloud, roles, queue):
    _send(cloud, queue, _event("raw/billing/2026-01-01/b.csv"), _event("raw/2026-01-01/whole.csv", 20))
    announced = []
    assert queue.receive(announced.extend) == 2
    assert sorted((a.key, a.feed, a.size, a.etag) for a in announced) == [
        ("s3://raw/raw/2026-01-01/whole.csv", "customers", 20, "e1"),
        ("s3://raw/raw/billing/2026-01-01/b.csv", "billing", 10, "e1"),
    ]
    assert queue.receive(announced.extend) == 0
    assert _left(cloud, queue) == []
    assert {"sqs:ReceiveMessage", "sqs:DeleteMessage", "kms:Decrypt"} == roles.orchestrator.used


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        '{"detail": {}}',
        '{"detail": {"bucket": {"name": "b"}, "object": {"key": "k", "size": "x"}}}',
    ],
)
def test_what_is_no_arrival_is_left_for_the_dead_letter_queue(cloud, queue, caplog, body):
    _send(cloud, queue, body or " ", _event("raw/services/s.csv"))
    announced = []
    assert queue.receive(announced.extend) == 1
    assert [a.feed for a in announced] == ["services"]
    assert [m["Body"] for m in _left(cloud, queue)] == [body or " "]
    assert "not about an arrived file" in caplog.text


def test_a_message_is_kept_until_it_is_announced(cloud, queue):
    _send(cloud, queue, _event("raw/services/s.csv"))

    def fail(_):
        raise ConnectionError("Prefect is not there")

    with pytest.raises(ConnectionError):
        queue.receive(fail)
    assert len(_left(cloud, queue)) == 1


def test_a_queue_that_is_not_there_is_named(queue, roles):
    gone = queue.model_copy(update={"queue_url": queue.queue_url + "-gone"})
    roles.names[gone.queue_url] = "Arrivals"
    with pytest.raises(PlatformError, match=r"receiving from the queue .*-gone"):
        gone.receive(lambda _: None)


def test_a_topic_gets_subject_and_text(cloud, orchestrator, roles, queue):
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    roles.names.update(dict.fromkeys((topic, f"{topic}-gone"), "Alerts"))
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:us-east-1:123456789012:{queue.queue_url.rsplit('/', 1)[1]}",
    )
    Topic(topic_arn=topic, credentials=orchestrator).notify("2 customers", "s" * 150)
    (message,) = _left(cloud, queue)
    content = json.loads(message["Body"])
    assert (content["Message"], content["Subject"]) == ("2 customers", "s" * 100)
    cloud.faults.append(first(1, "other POST", hang_up))
    with pytest.raises(UnknownDeliveryError, match="did not answer"):
        Topic(topic_arn=topic, credentials=orchestrator).notify("x")
    with pytest.raises(NotifyError, match="refused the message"):
        Topic(topic_arn=topic + "-gone", credentials=orchestrator).notify("x")
