"""The queue of arrivals: notifications become files, and are deleted when they have been announced."""

import json

import pytest
from botocore.exceptions import ClientError

from blocks import arrivals
from blocks.arrivals import ArrivalQueue
from contract.errors import PlatformError
from lake.arrivals import RawFileEvent


def _body(key="raw/billing/b.csv", **item):
    return json.dumps({"detail": {"bucket": {"name": "bucket"}, "object": {"key": key, "size": 3, "etag": "e"} | item}})


class Sqs:
    """A queue by hand; `problem` is raised by every call of that name."""

    def __init__(self, *bodies):
        self.waiting = [{"Body": body, "ReceiptHandle": f"receipt-{n}"} for n, body in enumerate(bodies)]
        self.asked, self.deleted, self.refused = {}, [], ""

    def receive_message(self, **asked):
        self.asked = asked
        self._maybe("receive_message")
        return {"Messages": self.waiting} if self.waiting else {}

    def delete_message(self, **asked):
        self._maybe("delete_message")
        self.deleted.append(asked["ReceiptHandle"])

    def _maybe(self, name):
        if name == self.refused:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)


@pytest.fixture
def queue(monkeypatch):
    """A queue of messages with these bodies."""

    def make(*bodies):
        sqs = Sqs(*bodies)
        monkeypatch.setattr(arrivals, "aws_client", lambda credentials, service: sqs)
        return ArrivalQueue(queue_url="https://queue", wait_seconds=4), sqs

    return make


def test_files_are_announced_together(queue):
    block, sqs = queue(_body(), _body("raw/x.csv", size="12", etag=7))
    announced = []
    assert block.receive(announced.append) == 2
    assert announced == [
        [
            RawFileEvent("s3://bucket/raw/billing/b.csv", "billing", 3, "e"),
            RawFileEvent("s3://bucket/raw/x.csv", "customers", 12, "7"),
        ]
    ]
    assert sqs.deleted == ["receipt-0", "receipt-1"]
    assert sqs.asked == {"QueueUrl": "https://queue", "MaxNumberOfMessages": 10, "WaitTimeSeconds": 4}


def test_empty_queue_announces_nothing(queue):
    block, sqs = queue()
    assert block.receive(lambda files: pytest.fail("announced")) == 0
    assert sqs.deleted == []


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", "7", '{"detail": {}}', '{"detail": {"bucket": []}}', _body(size="many"), _body(size=None)],
)
def test_strange_message_is_left_alone(queue, caplog, body):
    block, sqs = queue(body, _body())
    announced = []
    assert block.receive(announced.append) == 1
    assert len(announced[0]) == 1
    assert sqs.deleted == ["receipt-1"]
    assert "left for the dead-letter queue" in caplog.text


def test_failed_announcement_keeps_the_messages(queue):
    block, sqs = queue(_body())

    def fail(files):
        raise RuntimeError("Prefect is away")

    with pytest.raises(RuntimeError, match="away"):
        block.receive(fail)
    assert sqs.deleted == []


@pytest.mark.parametrize(
    ("refused", "words"),
    [("receive_message", "the queue https://queue"), ("delete_message", "message of https://queue")],
)
def test_refusing_queue_is_named(queue, refused, words):
    block, sqs = queue(_body())
    sqs.refused = refused
    with pytest.raises(PlatformError, match=words):
        block.receive(lambda files: None)


def test_file_without_etag_has_none(queue):
    event = json.loads(_body())
    del event["detail"]["object"]["etag"]
    block, _ = queue(json.dumps(event))
    announced = []
    block.receive(announced.extend)
    assert announced[0].etag == ""
