"""`churn deploy --dry-run`."""

from infrastructure.aws.naming import check_stack_name
from infrastructure.aws.package import build
from infrastructure.aws.stacks import describe
from infrastructure.local.paths import state_folder


def show_deployment(stack: str, parameters: dict[str, str]) -> None:
    """Print what a deployment would create. Raises PlatformError for an unknown parameter or a wrong name."""
    check_stack_name(stack)
    for line in describe({**build(state_folder() / "package").parameters, **parameters}):
        print(line)
    print(f"Nothing was changed. To deploy: churn deploy --stack {stack}")
