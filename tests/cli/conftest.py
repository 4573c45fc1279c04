"""One laptop for all tests of the command."""

import pytest

from tests.laptops import Laptop


@pytest.fixture(scope="session")
def laptop(tmp_path_factory):
    place = Laptop(tmp_path_factory.mktemp("lap top"))
    yield place
    stopped = place.churn("down")
    assert stopped.code == 0
