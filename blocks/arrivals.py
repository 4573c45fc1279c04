"""Raw files that arrived on S3, as EventBridge says through SQS."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field

from blocks.aws import client_of, explained
from transforms.runtime.landing import folder_feed

_log = logging.getLogger("churn")
_MOST_MESSAGES = 10
_WHOLE_RECORDS = "customers"


@dataclass(frozen=True)
class Arrived:
    """One file: its place, feed, size in bytes and etag or checksum."""

    key: str
    feed: str
    size: int
    etag: str


class ArrivalQueue(Block):
    """The queue of the stack that hears of every new raw file."""

    _block_type_name = "Churn Arrival Queue"
    _block_type_slug = "churn-arrival-queue"
    _description = "Hears of new raw files on S3 through SQS."

    queue_url: str = Field(title="Queue", description="URL of the SQS queue, an output of the stack.")
    credentials: AwsCredentials = Field(
        default_factory=AwsCredentials, title="AWS credentials", description="Account and region of the queue."
    )
    wait_seconds: int = Field(
        default=20, title="Wait", description="Seconds that SQS holds a call open until a message comes, at most 20."
    )

    def receive(self, announce: Callable[[Sequence[Arrived]], None]) -> int:
        """Wait for messages, announce their files, then delete them; how many files there were.

        A message that is no arrival is left alone: SQS moves it to the dead-letter queue after some tries.
        """
        sqs = client_of(self.credentials, "sqs")
        with explained(f"asking the queue {self.queue_url}"):
            found = sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=_MOST_MESSAGES, WaitTimeSeconds=self.wait_seconds
            ).get("Messages", [])
        read = [(message, arrived) for message in found if (arrived := _arrived(message["Body"]))]
        if read:
            announce([arrived for _, arrived in read])
        for message, _ in read:
            with explained(f"deleting a message of {self.queue_url}"):
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return len(read)


def feed_of(key: str) -> str:
    """The feed that a file's folders name; files of no feed's folder hold whole records."""
    return folder_feed(key) or _WHOLE_RECORDS


def _arrived(body: str) -> Arrived | None:
    """The file that an EventBridge "Object Created" event is about, None for anything else."""
    try:
        event: Any = json.loads(body)
        bucket, item = event["detail"]["bucket"]["name"], event["detail"]["object"]
        key = str(item["key"])
        return Arrived(f"s3://{bucket}/{key}", feed_of(key), int(item["size"]), str(item.get("etag", "")))
    except (ValueError, KeyError, TypeError) as error:
        _log.warning(
            "a message is no arrival of a file (%s: %s): left for the dead-letter queue", type(error).__name__, error
        )
        return None
