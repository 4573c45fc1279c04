"""Ports of this machine for tests."""

import contextlib
import os
import socket


def bound_below_ephemeral_ports(holder: socket.socket) -> int:
    """Bind `holder` to a free port and return it: one that no connection is given by chance in the middle of a test."""
    first = 20_000 + os.getpid() % 9_000  # two processes test at once
    for port in range(first, 30_000):
        with contextlib.suppress(OSError):
            holder.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port from 20000 to 30000")
