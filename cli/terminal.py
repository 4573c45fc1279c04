"""The terminal that people look at."""

import sys

from rich.console import Console

_PIPED_WIDTH = 120


def console() -> Console:
    """As wide as the terminal; wide enough for our tables where there is none."""
    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
