"""Notifications about customers newly at risk."""

from dataclasses import asdict

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.events import emit_event
from prefect.runtime import flow_run

from blocks.platform import Platform
from contract.churn import HIGH_SOURCE_SCORE
from contract.errors import NotifyError
from contract.log import LOGGER
from lake.alerts import Alert, Alerts
from tasks.defaults import RETRY_ON_OUTAGE, TAGS
from tasks.operators import deliver

AT_RISK = "churn.customers.at_risk"
_NAMED = 10


@task(
    name="send-alerts", task_run_name="alerts", tags=TAGS, **RETRY_ON_OUTAGE, timeout_seconds=300, persist_result=False
)
def send_alerts(platform: Platform) -> int:
    """Send every alert that no run has sent; return the number of customers they are about.

    An alert is claimed before it is sent and given back only when the notifier refused it: a
    run that dies in between, or a notifier that does not answer, leads to no second message. Raises NotifyError.
    """
    alerts = Alerts(platform.folder())
    notified = 0
    for alert in alerts.open():
        alerts.claim(alert, flow_run.get_name() or "no run")
        try:
            if not deliver(platform, subject(alert), body(alert)):
                LOGGER.info("alert: %s (no notifier: seen here and in Prefect only)", subject(alert))
        except NotifyError:
            alerts.release(alert)
            raise
        _publish(platform, alert)
        notified += alert.customers
    return notified


def subject(alert: Alert) -> str:
    """Return the alert in one line."""
    return f"{_customers(alert.customers)} newly at risk, ${alert.monthly_charges:,.2f} a month"


def body(alert: Alert) -> str:
    """Return the alert as a manager reads it; of a customer no more than number, city, score and amounts."""
    verb = "is" if alert.customers == 1 else "are"
    pays = "pays" if alert.customers == 1 else "pay"
    lines = [
        f"On {alert.day}, {_customers(alert.customers)} {verb} newly at risk: still here, scored over {HIGH_SOURCE_SCORE}.",
        f"Together: ${alert.monthly_charges:,.2f} a month, {_cltv(alert.source_cltv)}."
        if alert.customers > 1
        else f"The customer {pays} ${alert.monthly_charges:,.2f} a month.",
        "",
        "Call first:",
        *(
            f"{number}. {c.customer_id} ({c.city or 'city unknown'}): score {c.source_churn_score}, "
            f"{_cltv(c.source_cltv)}, ${c.monthly_charges:,.2f} a month"
            for number, c in enumerate(alert.top[:_NAMED], start=1)
        ),
    ]
    if alert.customers > _NAMED:
        lines.append(f"and {alert.customers - _NAMED:,} more: gold.customer_movements, newly_at_risk")
    return "\n".join(lines)


def _cltv(amount: int | None) -> str:
    return "lifetime value unknown" if amount is None else f"${amount:,} lifetime value"


def _customers(count: int) -> str:
    return "1 customer" if count == 1 else f"{count:,} customers"


def _publish(platform: Platform, alert: Alert) -> None:
    """Publish the alert in Prefect: an event, and a table of the first customers."""
    emit_event(
        event=AT_RISK,
        resource={
            "prefect.resource.id": f"churn.alert.{alert.day}.{alert.version}",
            "prefect.resource.name": subject(alert),
        },
        payload=asdict(alert) | {"lake": platform.lake},
    )
    create_table_artifact(
        key="customers-at-risk", table=[asdict(customer) for customer in alert.top], description=subject(alert)
    )
