"""Small text files beside the tables: manifests, results, reports."""

import json
import os
from pathlib import Path
from typing import Any

from transforms.errors import LakeError


def write_text(path: Path, text: str) -> None:
    """Write `text` so that a reader sees the old file or the whole new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise LakeError(f"cannot write {path}: {error.strerror}. Check space and permissions.") from error


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, atomically."""
    write_text(path, json.dumps(content, indent=2, default=str) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file; LakeError names the file when it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LakeError(f"{path} is damaged ({error}). Restore it or remove it.") from error


def check_writable(lake: Path) -> None:
    """Create the lake folder if needed; LakeError when nothing can be written there."""
    probe = lake / f".write-test-{os.getpid()}"
    try:
        lake.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise LakeError(
            f"the lake {lake} is not writable: {error.strerror}. Choose another --lake or mend its permissions."
        ) from error
