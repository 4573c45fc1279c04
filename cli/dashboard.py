"""`churn dashboard`."""

import webbrowser
from pathlib import Path

from contract.errors import LakeError
from infrastructure.local.paths import state_folder
from lake.storage import Folder
from serving.dashboard.content import CustomerIds
from serving.dashboard.page import dashboard_html


def show_dashboard(folder: Folder, out: Path | None, ids: CustomerIds, *, open_it: bool) -> None:
    """Write the dashboard of a lake, print its path and open it. Raises LakeError."""
    page = dashboard_html(folder, ids)
    if page is None:
        raise LakeError(f"there is nothing to show at {folder.uri()} yet. Bring data in with: churn run")
    path = (out or state_folder() / "dashboard.html").resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise LakeError(f"cannot write {path}: {error.strerror}. Give another file with --out.") from error
    print(path)
    if open_it:
        webbrowser.open(path.as_uri())
