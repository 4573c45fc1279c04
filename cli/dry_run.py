"""`churn deploy --dry-run`."""

from infrastructure.aws.deploy import describe
from infrastructure.aws.package import build
from infrastructure.local.paths import state_folder


def show_deployment(stack: str, parameters: dict[str, str]) -> None:
    """Print what a deployment would create. Raises PlatformError for an unknown parameter."""
    for line in describe({**build(state_folder() / "package").parameters, **parameters}):
        print(line)
    print(f"Nothing was changed. To deploy: churn deploy --stack {stack}")
