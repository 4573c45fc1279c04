"""Messages to those who operate the platform."""

import logging

from prefect import task

from blocks.platform import Platform
from tasks.defaults import PATIENT, TAGS
from transforms.errors import UnknownDeliveryError

_log = logging.getLogger("churn")


@task(name="notify", task_run_name="notify", tags=TAGS, **PATIENT, timeout_seconds=300, persist_result=False)
def notify(platform: Platform, subject: str, body: str) -> None:
    """Send a message; without a notifier it is in this log only. Raises NotifyError."""
    if platform.notifier is None:
        _log.warning("no notifier: %s\n%s", subject, body)
        return
    try:
        platform.notifier.notify(body, subject)
    except UnknownDeliveryError as error:
        _log.warning("%s; it may not have arrived, and is not sent again", error)
