"""One machine for all tests of the command."""

import pytest

from tests.support.command import CommandHarness


@pytest.fixture(scope="session")
def machine(tmp_path_factory, installed):
    place = CommandHarness(tmp_path_factory.mktemp("my machine"), installed)
    yield place
    stopped = place.churn("down")
    assert stopped.code == 0
