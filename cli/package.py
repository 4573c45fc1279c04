"""`churn package` and `churn deploy --dry-run`: what needs no account."""

from pathlib import Path

from infrastructure.aws.deploy import describe
from infrastructure.aws.package import build
from infrastructure.local.paths import state_folder


def build_package(out: Path) -> None:
    """Write what AWS Glue runs into `out`, and print where."""
    package = build(out)
    for path in (package.script, package.library):
        print(f"{path} ({path.stat().st_size:,} bytes)")
    print(f"--additional-python-modules {package.modules}")


def show_deployment(stack: str, parameters: dict[str, str]) -> None:
    """Print what a deployment would create. Raises PlatformError for an unknown parameter."""
    for line in describe({**build(state_folder() / "package").parameters, **parameters}):
        print(line)
    print(f"Nothing was changed. To deploy: churn deploy --stack {stack}")
