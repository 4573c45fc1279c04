"""`churn dashboard`."""

import webbrowser
from pathlib import Path

from dashboard.content import CustomerIds
from dashboard.page import dashboard_of
from local.home import lake_folder, state_folder
from transforms.errors import LakeError
from transforms.runtime.storage import Folder, open_folder


def show_dashboard(
    lake: Path | None, platform: str | None, out: Path | None, ids: CustomerIds, *, open_it: bool
) -> None:
    folder = _folder(lake, platform)
    page = dashboard_of(folder, ids)
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


def _folder(lake: Path | None, platform: str | None) -> Folder:
    if platform:
        from cli.cloud import load_platform

        return load_platform(platform).folder()
    return open_folder(lake or lake_folder())
