"""The zip of wheels that a deployment uploads, without a download."""

from pathlib import Path

from infrastructure.aws.wheels import missing_wheels


def put_wheels(out: Path) -> None:
    """Write a stand-in of the zip below `out`, where an earlier deployment would have left it."""
    out.mkdir(parents=True, exist_ok=True)
    (out / missing_wheels().file_name).write_bytes(b"wheels")
