"""`churn package`."""

from pathlib import Path

from infrastructure.aws.package import build


def build_package(out: Path) -> None:
    """Write what AWS Glue runs into `out`, and print where."""
    package = build(out)
    for path in (package.script, package.library):
        print(f"{path} ({path.stat().st_size:,} bytes)")
    print(f"--additional-python-modules {package.modules}")
