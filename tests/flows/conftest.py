import pytest

from tests.support.receivers import Webhook


@pytest.fixture
def webhook():
    """A receiver of messages, a server on this machine."""
    running = Webhook()
    yield running
    running.stop()
