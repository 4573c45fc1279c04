"""Where a laptop keeps its state and its caches."""

import os
from pathlib import Path

HOME_SETTING = "CHURN_HOME"


def state_folder() -> Path:
    """The one folder of all state: `.churn` here, or what CHURN_HOME names."""
    return Path(os.environ.get(HOME_SETTING) or ".churn").resolve()


def lake_folder() -> Path:
    """The lake of this machine where no other is named."""
    return state_folder() / "lake"


def cache_folder() -> Path:
    """Things that can be made again at any time: `$XDG_CACHE_HOME/churn-lakehouse`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "churn-lakehouse"


def log_file(name: str) -> Path:
    """`<state>/logs/<name>.log`, its folder created."""
    folder = state_folder() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"
