"""Lineage events on their way: kept beside the lake, sent in order, sent later where the receiver is down."""

import json
import socket
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from blocks.glue import LocalGlueJob
from blocks.lineage import Lineage
from blocks.platform import Platform
from contract.errors import PlatformError
from infrastructure.local.services import free_port
from lake.lineage import LineageEvents
from tasks.lineage import send_lineage
from tests.support.receivers import EventReceiver


@pytest.fixture
def receiver():
    running = EventReceiver()
    yield running
    running.stop()


def _events(run, count=2):
    return [json.dumps({"run": run, "number": number}) for number in range(count)]


def _platform(folder, receiver, **options):
    return SimpleNamespace(folder=lambda: folder, lineage=Lineage(url=receiver.url, **options))


def test_events_are_lines_of_a_file_per_run(folder):
    place = LineageEvents(folder).write("20260101T000000Z", _events("a"))
    assert place == folder.uri("_lineage/20260101T000000Z.ndjson")
    assert folder.read_bytes("_lineage/20260101T000000Z.ndjson").decode().splitlines() == _events("a")


def test_events_are_sent_once_and_in_order(folder, receiver):
    store = LineageEvents(folder)
    for run in ("1", "2"):
        store.write(run, _events(run))
    platform = _platform(folder, receiver)
    assert [send_lineage.fn(platform), send_lineage.fn(platform)] == [4, 0]
    assert [(event["run"], event["number"]) for event in receiver.events] == [("1", 0), ("1", 1), ("2", 0), ("2", 1)]
    assert receiver.paths == {"/api/v1/lineage"}
    store.write("3", _events("3"))
    assert store.unsent() == ["3"]


def test_what_was_not_taken_is_sent_by_the_next_run(folder, receiver):
    store, platform = LineageEvents(folder), _platform(folder, receiver)
    store.write("1", _events("1"))
    receiver.answers = [201, 503]
    with pytest.raises(PlatformError, match=rf"^the receiver of lineage {receiver.url} answered 503"):
        send_lineage.fn(platform)
    store.write("2", _events("2"))
    assert send_lineage.fn(platform) == 4
    assert [event["run"] for event in receiver.events] == ["1", "1", "1", "2", "2"], "one twice, none lost"


def test_damaged_record_of_what_was_sent_sends_again(folder, receiver):
    LineageEvents(folder).write("1", _events("1"))
    folder.write_text("_lineage/_sent.json", "{")
    assert send_lineage.fn(_platform(folder, receiver)) == 2


@pytest.mark.parametrize(("key", "header"), [("", None), ("planted", "Bearer planted")])
def test_api_key_is_a_bearer_token(tmp_path, receiver, key, header):
    block = Lineage(url=f"{receiver.url}/", api_key=SecretStr(key))
    assert block.send(_events("1")) == 2
    assert receiver.keys == {header}
    assert "planted" not in f"{block!r} {block} {block.model_dump()}"


def test_receiver_that_is_down_or_silent_is_an_outage():
    with pytest.raises(PlatformError, match="cannot be reached: ConnectError"):
        Lineage(url=f"http://127.0.0.1:{free_port()}").send(_events("1"))
    with pytest.raises(PlatformError, match="cannot be reached"):
        Lineage(url="nonsense://x").send(_events("1"))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(PlatformError, match="cannot be reached: ReadTimeout"):
            Lineage(url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=0.1).send(_events("1"))


def test_platform_that_was_saved_before_has_no_receiver(tmp_path):
    saved = Platform(lake=str(tmp_path), jobs=LocalGlueJob()).model_dump()
    del saved["lineage"]
    assert Platform.model_validate(saved).lineage is None
