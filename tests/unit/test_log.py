"""What is said while something is waited for."""

import logging
import re
import time

import pytest

from cli import repair
from contract.log import reported_wait
from tests.support.scripted_jobs import result, scripted
from tests.support.waiting import wait_for


def test_wait_is_said_at_once_and_again(caplog):
    with caplog.at_level(logging.INFO, "churn"):
        with reported_wait("waiting for a friend", every_seconds=0.05):
            wait_for(lambda: len(caplog.messages) >= 3)
        first, *others = list(caplog.messages)
        assert first == "waiting for a friend"
        assert all(re.fullmatch(r"waiting for a friend \(for \d+ s\)", other) for other in others)


def test_nothing_is_said_of_a_short_wait_or_after_its_end(caplog):
    with caplog.at_level(logging.INFO, "churn"):
        with reported_wait("waiting for a friend", after_seconds=0.3):
            pass
        time.sleep(0.6)
    assert caplog.messages == []


def test_error_ends_the_wait(caplog):
    with caplog.at_level(logging.INFO, "churn"):
        with pytest.raises(KeyboardInterrupt), reported_wait("waiting for a friend", after_seconds=0.3):
            raise KeyboardInterrupt
        time.sleep(0.6)
    assert caplog.messages == []


def test_repair_says_what_it_works_on(caplog):
    job = scripted(lambda arguments: [result(arguments, outcome="unchanged")])
    with caplog.at_level(logging.INFO, "churn"):
        (done,) = repair._run(job.with_arguments(job="repair", run_id="r", lake="/a/lake"))
    assert caplog.messages == ["repair: running on /a/lake"]
    assert done.outcome == "unchanged"
