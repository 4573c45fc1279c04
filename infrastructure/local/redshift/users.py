"""Users of the Redshift stand-in: the administrator, and those that CREATE USER has made."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from infrastructure.local.redshift.wire import Message, cstring, read_message, startup, text_row

POSTGRES = "postgres"


@dataclass
class Login:
    """The administrator of the stand-in."""

    user: str
    password: str = field(repr=False)

    def verify_password(self, user: str, response: str, salt: bytes) -> bool:
        """Return whether an MD5 `response` to `salt` proves user and password."""
        inner = hashlib.md5(f"{self.password}{self.user}".encode()).hexdigest()  # noqa: S324 (the protocol's)
        return user == self.user and proves(f"md5{inner}", response, salt)


def proves(stored: str, response: str, salt: bytes) -> bool:
    """Return whether an MD5 `response` to `salt` proves the password of which `stored` is kept; an empty one proves none."""
    expected = "md5" + hashlib.md5(stored.removeprefix("md5").encode() + salt).hexdigest()  # noqa: S324
    return stored.startswith("md5") and secrets.compare_digest(response.encode(), expected.encode())


async def stored_password(socket_path: Path, user: str) -> str:
    """Return what PostgreSQL keeps of a user's password, empty for an unknown user or one without."""
    reader, writer = await asyncio.open_unix_connection(str(socket_path))
    try:
        writer.write(startup({"user": POSTGRES, "database": POSTGRES}))
        await _first_row(reader)
        name = user.replace("'", "''")
        query = f"SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolcanlogin AND rolname = '{name}'"
        writer.write(Message(b"Q", cstring(query)).encode())
        return (await _first_row(reader) or [""])[0]
    finally:
        writer.close()


async def _first_row(reader: asyncio.StreamReader) -> list[str]:
    """Read up to ReadyForQuery, and return the first row that came, if any."""
    found: list[str] = []
    while (message := await read_message(reader)).kind != b"Z":
        if message.kind == b"D" and not found:
            found = text_row(message.body)
    return found
