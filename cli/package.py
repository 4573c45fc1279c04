"""`churn package`."""

from pathlib import Path

from infrastructure.aws.package import build
from infrastructure.aws.wheels import collect


def build_package(out: Path, *, only_digest: bool) -> None:
    """Write what AWS Glue runs into `out`, and print where, or its digest alone. Raises PlatformError."""
    package = build(out)
    if only_digest:
        print(package.digest)
        return
    for path in (package.script, package.library, collect(package.wheels, out, print)):
        print(f"{path} ({path.stat().st_size:,} bytes)")
    print(f"digest {package.digest}")
