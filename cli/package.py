"""`churn package`."""

from pathlib import Path

from infrastructure.aws.package import build


def build_package(out: Path, *, only_digest: bool) -> None:
    """Write what AWS Glue runs into `out`, and print where, or its digest alone."""
    package = build(out)
    if only_digest:
        print(package.digest)
        return
    for path in (package.script, package.library):
        print(f"{path} ({path.stat().st_size:,} bytes)")
    print(f"--additional-python-modules {package.modules}")
    print(f"digest {package.digest}")
