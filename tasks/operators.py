"""Messages to people: through the platform's notifier, never twice."""

import logging

from prefect import task

from blocks.platform import Platform
from tasks.defaults import PATIENT, TAGS
from transforms.errors import UnknownDeliveryError

_log = logging.getLogger("churn")


@task(name="notify", task_run_name="notify", tags=TAGS, **PATIENT, timeout_seconds=300, persist_result=False)
def notify(platform: Platform, subject: str, body: str) -> None:
    """Tell the operators; without a notifier it is in this log only. Raises NotifyError."""
    if not deliver(platform, subject, body):
        _log.warning("no notifier: %s\n%s", subject, body)


def deliver(platform: Platform, subject: str, body: str) -> bool:
    """Send a message; False where the platform has no notifier. Raises NotifyError where nobody got it."""
    if platform.notifier is None:
        return False
    try:
        platform.notifier.notify(body, subject)
        _log.info("sent: %s", subject)
    except UnknownDeliveryError as error:
        _log.warning("%s; it may not have arrived, and is not sent again", error)
    return True
