"""Self-contained HTML pages from the templates of this package, and their PDF."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_PRINT_SECONDS = 60


def render(template: str, *, folder: tuple[str, str] = ("serving", "templates"), **content: Any) -> str:
    """Return a rendered template of a package's `folder`; every value in it is escaped."""
    environment = Environment(
        loader=PackageLoader(*folder),
        autoescape=select_autoescape(default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**content)


def find_browser() -> str | None:
    """Return the path of an installed Chromium, None where there is none."""
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


def to_pdf(page: str) -> bytes | None:
    """Return the page as PDF, printed by Chromium; None on a machine without one, or when it fails."""
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
