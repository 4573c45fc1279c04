"""What a record of a raw file is, whatever the format: fields as received, or a fault."""

import base64
import json
from dataclasses import dataclass

from contract import defaults
from contract.errors import ContractError
from lake.raw.encoding import UTF8

INVALID_TEXT = "invalid UTF-8"
_KEPT_BYTES = 64 * 1024  # of a record that is too long


@dataclass(frozen=True)
class Limits:
    """What a record may be at most: its length (bytes; characters of JSON) and its depth (levels of nested JSON)."""

    length: int = defaults.MAX_RECORD_BYTES
    depth: int = defaults.MAX_RECORD_DEPTH

    def __post_init__(self) -> None:
        if self.length < 1 or self.depth < 1:
            raise ContractError(f"limits of a record must be positive, not {self.length} and {self.depth}")


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Fault:
    """A record that cannot be parsed: why, and the record as received (a line without its end)."""

    reason: str
    received: str


def fault(reason: str, received: bytes) -> Fault:
    """Return the fault of a record; one that is not UTF-8 is kept as JSON, its bytes in base64."""
    line = received.rstrip(b"\r\n")
    try:
        return Fault(reason, line.decode(UTF8))
    except UnicodeDecodeError:
        kept = {"text": line.decode(UTF8, "replace"), "base64": base64.b64encode(line).decode()}
        return Fault(INVALID_TEXT, json.dumps(kept, ensure_ascii=False, separators=(",", ":")))


def too_long(limits: Limits, beginning: bytes) -> Fault:
    """Return the fault of a record that is longer than allowed, with its beginning."""
    return Fault(f"longer than {limits.length:,} bytes", beginning[:_KEPT_BYTES].decode(UTF8, "replace"))
