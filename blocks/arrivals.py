"""Raw files that arrived on S3, as EventBridge reports them through SQS."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field

from blocks.aws import aws_client
from contract.log import LOGGER
from infrastructure.aws.calls import aws_errors_as
from lake.arrivals import RawFileEvent, feed_for_key

_MAX_MESSAGES = 10


class ArrivalQueue(Block):
    """The queue of the stack that receives a notification about every new raw file."""

    _block_type_name = "Churn Arrival Queue"
    _block_type_slug = "churn-arrival-queue"
    _description = "Receives notifications about new raw files on S3 through SQS."

    queue_url: str = Field(title="Queue", description="URL of the SQS queue, an output of the stack.")
    credentials: AwsCredentials = Field(
        default_factory=AwsCredentials, title="AWS credentials", description="Account and region of the queue."
    )
    wait_seconds: int = Field(
        default=20, title="Wait", description="Seconds that SQS holds a call open until a message comes, at most 20."
    )

    def receive(self, announce: Callable[[Sequence[RawFileEvent]], None]) -> int:
        """Wait for messages, announce their files, then delete them; return the number of files.

        A message that is not about a file is left alone: SQS moves it to the dead-letter queue after some tries.
        Raises PlatformError.
        """
        sqs = aws_client(self.credentials, "sqs")
        with aws_errors_as(f"receiving from the queue {self.queue_url}"):
            found = sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=_MAX_MESSAGES, WaitTimeSeconds=self.wait_seconds
            ).get("Messages", [])
        read = [(message, arrived) for message in found if (arrived := _arrived(message["Body"]))]
        if read:
            announce([arrived for _, arrived in read])
        for message, _ in read:
            with aws_errors_as(f"deleting a message of {self.queue_url}"):
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return len(read)


def _arrived(body: str) -> RawFileEvent | None:
    """Return the file that an EventBridge "Object Created" event is about, None for anything else."""
    try:
        event: Any = json.loads(body)
        bucket, item = event["detail"]["bucket"]["name"], event["detail"]["object"]
        key = str(item["key"])
        return RawFileEvent(f"s3://{bucket}/{key}", feed_for_key(key), int(item["size"]), str(item.get("etag", "")))
    except (ValueError, KeyError, TypeError) as error:
        LOGGER.warning(
            "a message is not about an arrived file (%s: %s): left for the dead-letter queue",
            type(error).__name__,
            error,
        )
        return None
