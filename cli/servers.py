"""`churn ui` and `churn stop`."""

from local.services import HOST, PREFECT, SERVICES, start, stop, wait_until_ready


def start_ui() -> None:
    start(PREFECT)
    print(f"Prefect: http://{HOST}:{wait_until_ready(PREFECT)}   (stop it with: churn stop)")


def stop_all() -> None:
    for service in SERVICES:
        print(f"{service.name}: {'stopped' if stop(service) else 'was not running'}")
