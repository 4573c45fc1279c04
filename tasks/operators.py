"""Messages to people: through the platform's notifier, never twice."""

from prefect import task

from blocks.platform import Platform
from contract.errors import UnknownDeliveryError
from contract.log import LOGGER
from tasks.defaults import RETRY_ON_OUTAGE, TAGS


@task(name="notify", task_run_name="notify", tags=TAGS, **RETRY_ON_OUTAGE, timeout_seconds=300, persist_result=False)
def notify(platform: Platform, subject: str, body: str) -> None:
    """Notify the operators; without a notifier the message is in this log only. Raises NotifyError."""
    if not deliver(platform, subject, body):
        LOGGER.warning("no notifier: %s\n%s", subject, body)


def deliver(platform: Platform, subject: str, body: str) -> bool:
    """Send a message; return False where the platform has no notifier. Raises NotifyError when it was not delivered."""
    if platform.notifier is None:
        return False
    try:
        platform.notifier.notify(body, subject)
        LOGGER.info("sent: %s", subject)
    except UnknownDeliveryError as error:
        LOGGER.warning("%s; it may not have arrived, and is not sent again", error)
    return True
