"""HTML pages that need nothing else: templates of this package, and their print."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_PRINT_SECONDS = 60


def render(template: str, *, folder: tuple[str, str] = ("reports", "templates"), **content: Any) -> str:
    """A template in a package's `folder`, everything in it escaped."""
    environment = Environment(
        loader=PackageLoader(*folder),
        autoescape=select_autoescape(default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**content)


def find_browser() -> str | None:
    """A Chromium of this machine."""
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


def to_pdf(page: str) -> bytes | None:
    """The page printed by Chromium; None on a machine without one."""
    browser = find_browser()
    if browser is None:
        return None
    with tempfile.TemporaryDirectory(prefix="churn-print-") as folder:
        source, target = Path(folder) / "page.html", Path(folder) / "page.pdf"
        source.write_text(page, encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer"]
        command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        command += [f"--user-data-dir={folder}/profile", f"--print-to-pdf={target}", source.as_uri()]
        try:
            subprocess.run(command, capture_output=True, timeout=_PRINT_SECONDS, check=True)
        except (subprocess.SubprocessError, OSError):
            return None
        return target.read_bytes() if target.exists() else None
