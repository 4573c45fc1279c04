"""PostgreSQL wire protocol 3: messages in and out of bytes."""

import asyncio
import struct
from dataclasses import dataclass

PROTOCOL_3 = 196608
SSL_REQUEST = 80877103
CANCEL_REQUEST = 80877102


@dataclass(frozen=True)
class Message:
    """One typed message: a letter and its payload, without the length."""

    kind: bytes
    body: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes on the wire."""
        return self.kind + struct.pack("!i", len(self.body) + 4) + self.body


async def read_message(reader: asyncio.StreamReader) -> Message:
    """Return the next typed message. Raises IncompleteReadError at the end of the stream."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!i", head[1:])
    return Message(head[:1], await reader.readexactly(length - 4))


async def read_startup(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return code and content of the untyped first message. Raises ConnectionError for another protocol."""
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    if not 8 <= length <= 10_000:
        raise ConnectionError("not a PostgreSQL client")
    body = await reader.readexactly(length - 4)
    return struct.unpack("!i", body[:4])[0], body[4:]


def startup(parameters: dict[str, str]) -> bytes:
    """Return the first message to a server."""
    pairs = b"".join(cstring(key) + cstring(value) for key, value in parameters.items()) + b"\0"
    return struct.pack("!ii", len(pairs) + 8, PROTOCOL_3) + pairs


def startup_parameters(body: bytes) -> dict[str, str]:
    """Return the parameters of a client's first message."""
    parts = body.rstrip(b"\0").split(b"\0")
    return {k.decode(): v.decode() for k, v in zip(parts[::2], parts[1::2], strict=False)}


def cstring(text: str) -> bytes:
    """Return a zero-terminated string."""
    return text.encode() + b"\0"


def split_cstring(body: bytes) -> tuple[str, bytes]:
    """Return a leading zero-terminated string, and the rest."""
    text, _, rest = body.partition(b"\0")
    return text.decode(), rest


def text_row(body: bytes) -> list[str]:
    """Return the values of a DataRow in text format, none of which is null."""
    (count,) = struct.unpack_from("!h", body)
    position, values = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, position)
        values.append(body[position + 4 : position + 4 + length].decode())
        position += 4 + length
    return values


def error(message: str, code: str = "XX000") -> Message:
    """Return an ErrorResponse; `code` is an SQLSTATE."""
    fields = b"".join(f.encode() + cstring(v) for f, v in (("S", "ERROR"), ("V", "ERROR"), ("C", code), ("M", message)))
    return Message(b"E", fields + b"\0")


def authentication(code: int, extra: bytes = b"") -> Message:
    """Return an Authentication request; code 5 asks for an MD5 password, with the salt as `extra`."""
    return Message(b"R", struct.pack("!i", code) + extra)


def parameter_status(name: str, value: str) -> Message:
    """Return a ParameterStatus."""
    return Message(b"S", cstring(name) + cstring(value))
