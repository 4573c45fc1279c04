"""Messages of the wire protocol, to bytes and back."""

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.local.redshift import wire
from infrastructure.local.redshift.wire import Message

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
messages = st.builds(Message, st.sampled_from([b"Q", b"P", b"D", b"Z"]), st.binary(max_size=200))


def _read(data, read):
    async def run():
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await read(reader)

    return asyncio.run(run())


async def _all(reader):
    found = []
    while not reader.at_eof():
        found.append(await wire.read_message(reader))
    return found


@given(st.lists(messages, min_size=1, max_size=5))
def test_messages_survive_the_wire(sent):
    assert _read(b"".join(message.encode() for message in sent), _all) == sent


@given(messages, st.integers(1, 4))
def test_a_cut_message_is_an_end_of_stream(message, lost):
    with pytest.raises(asyncio.IncompleteReadError):
        _read(message.encode()[:-lost], wire.read_message)


@given(st.dictionaries(text.filter(bool), text.filter(bool), min_size=1, max_size=4))
def test_a_start_up_carries_its_parameters(parameters):
    code, body = _read(wire.startup(parameters), wire.read_startup)
    assert code == wire.PROTOCOL_3
    assert wire.startup_parameters(body) == parameters


@pytest.mark.parametrize("length", [0, 7, 10_001, 2**31 - 1])
def test_a_stranger_is_turned_away(length):
    with pytest.raises(ConnectionError, match="not a PostgreSQL client"):
        _read(struct.pack("!i", length) + b"GET / HTTP/1.1", wire.read_startup)


@given(text, st.binary(max_size=20))
def test_a_string_is_split_from_the_rest(first, rest):
    assert wire.split_cstring(wire.cstring(first) + rest) == (first, rest)


def test_an_error_has_severity_code_and_message():
    fields = wire.error("no such table", "42P01").body.split(b"\0")
    assert b"SERROR" in fields
    assert b"C42P01" in fields
    assert b"Mno such table" in fields
