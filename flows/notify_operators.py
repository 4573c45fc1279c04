"""A message to the operators, started by automations when a run fails or files are late."""

from prefect import flow

from blocks.platform import Platform
from tasks.operators import notify


@flow(name="notify-operators", flow_run_name="notify: {subject}", persist_result=False)
def notify_operators(platform: Platform, subject: str, body: str = "") -> None:
    """Send `subject` and `body` through the platform's notifier. Raises NotifyError after some tries."""
    notify(platform, subject, body)
