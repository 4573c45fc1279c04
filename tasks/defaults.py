"""Settings that tasks share: tags, and which failures are retried."""

import logging
from typing import Any

from prefect.tasks import exponential_backoff

from contract.errors import ChurnError, DependentViewError, JobError, NotifyError, PlatformError, WarehouseError
from contract.log import LOGGER

# What the pipeline logs belongs in the run's log, which Prefect keeps.
LOGGER.setLevel(logging.INFO)

# One set for all tasks: Prefect asks its server for concurrency limits per set of tags.
TAGS = ["churn-lakehouse"]


def is_worth_retrying(_task: Any, _task_run: Any, state: Any) -> bool:
    """Return whether a failure may be temporary: a died worker, a lost connection; not bad input or a failed gate."""
    try:
        state.result()
    except DependentViewError:
        return False
    except (JobError, NotifyError, PlatformError, WarehouseError):
        return True
    except ChurnError:
        return False
    except Exception:  # noqa: BLE001 (unknown: let Prefect try again)
        return True
    return False


# For tasks that talk to an external service, which may be busy or restarting.
RETRY_ON_OUTAGE: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_worth_retrying,
}
