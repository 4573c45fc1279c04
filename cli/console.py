"""The terminal."""

import sys

from rich.console import Console

_PIPED_WIDTH = 120


def console() -> Console:
    """Return a console as wide as the terminal, or wide enough for tables where output is piped."""
    # What files and tables contain is not markup.
    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, markup=False)
