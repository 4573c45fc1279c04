"""Database and account of the local warehouse."""

import os
import secrets
from pathlib import Path

USER = "admin"
DATABASE = "telecom_churn"


def ensure_password(folder: Path) -> str:
    """Return the password of the local warehouse; created at first use, in a file that only its owner can read."""
    path = folder / "password"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text(encoding="utf-8")
