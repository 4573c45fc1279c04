"""The wheel in an environment that was empty before: nothing of the checkout is needed."""

import pytest

from tests.support.command import CommandHarness
from tests.support.installed import install_wheel


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_wheel_alone_runs_everything(tmp_path):
    machine = CommandHarness(tmp_path, install_wheel(tmp_path / "installed", empty=True))
    assert machine.churn("--version").out.startswith("churn ")
    made = machine.churn("generate", "--customers", "60", "--days", "1", "--faults", "0", "--out", "raw")
    assert made.code == 0, made.err
    try:
        summary = machine.churn("run", "--raw", "raw", "--json").json()
        assert summary["kpis"]["customers"] == 60
        assert summary["warehouse"]["table_rows"] == 60
        up = machine.churn("up", "--raw", "raw")
        assert up.code == 0, up.err
        assert "Everything runs." in up.out
    finally:
        down = machine.churn("down")
    assert down.out.count("stopped") == 4
