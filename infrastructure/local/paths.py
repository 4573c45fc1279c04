"""Where this machine keeps the state and the caches of the local stack, and where our packages are."""

import os
from pathlib import Path

HOME_SETTING = "CHURN_HOME"
PACKAGES = Path(__file__).resolve().parents[2]
"""The folder that our packages are in: the checkout, or site-packages."""
DEFAULT_RAW = "data/raw"
"""Where raw files are, below the working directory, unless a command says it."""
STATE = ("lake", "warehouse", "prefect", "services", "logs", "package", "dashboard.html")
"""All that is ever written to the state folder, which may be a folder of the user's that has other things as well."""


def state_folder() -> Path:
    """Return the folder of all state: `.churn` here, or what CHURN_HOME names."""
    return Path(os.environ.get(HOME_SETTING) or ".churn").resolve()


def lake_folder() -> Path:
    """Return the default lake of this machine."""
    return state_folder() / "lake"


def cache_folder() -> Path:
    """Return the folder of files that can be recreated at any time: `$XDG_CACHE_HOME/churn-lakehouse`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "churn-lakehouse"


def log_file(name: str) -> Path:
    """Return `<state>/logs/<name>.log`; its folder is created."""
    folder = state_folder() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"
