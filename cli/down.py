"""`churn down`."""

import shutil

import typer

from infrastructure.local.paths import STATE, state_folder
from infrastructure.local.services import SERVICES, stop


def down() -> None:
    """Stop what `churn up` and `churn run` have started; all state is kept."""
    for service in SERVICES:
        print(f"{service.name}: {'stopped' if stop(service) else 'was not running'}")


def delete_state(*, is_sure: bool) -> None:
    """Delete the state of this machine, and its folder where nothing else is in it; the servers have been stopped."""
    home = state_folder()
    found = [home / name for name in STATE if (home / name).exists()]
    if found and not is_sure:
        typer.confirm(f"Delete {', '.join(path.name for path in found)} in {home}, permanently?", abort=True)
    for path in found:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    others = sorted(path.name for path in home.iterdir()) if home.exists() else []
    if home.exists() and not others:
        home.rmdir()
    kept = f"; kept, as it is not ours: {', '.join(others)}" if others else ""
    print(f"state in {home}: {'deleted' if found else 'there was none'}{kept}")
