"""`churn down`."""

from infrastructure.local.services import SERVICES, stop


def down() -> None:
    """Stop what `churn up` and `churn run` have started; all state is kept."""
    for service in SERVICES:
        print(f"{service.name}: {'stopped' if stop(service) else 'was not running'}")
