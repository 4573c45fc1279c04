"""The Redshift look-alike on its socket: who may enter, and how errors are said. PostgreSQL is played by the test."""

import asyncio
import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.local.redshift import wire
from infrastructure.local.redshift.proxy import Proxy
from infrastructure.local.redshift.users import Login, proves
from infrastructure.local.redshift.wire import Message, cstring, read_message

USER, PASSWORD = "admin", "planted-password"
READY = Message(b"Z", b"I")


def _answer(user, password, salt):
    inner = hashlib.md5(f"{password}{user}".encode()).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt).hexdigest()


class Postgres:
    """Takes any client; keeps the statements it is sent, and answers them by `replies`."""

    def __init__(self, *replies):
        self.replies, self.sent, self.greeted = list(replies), [], b""

    async def serve(self, reader, writer):
        _, self.greeted = await wire.read_startup(reader)
        for message in (wire.authentication(0), wire.parameter_status("server_version", "16.1"), READY):
            writer.write(message.encode())
        while True:
            try:
                message = await read_message(reader)
            except asyncio.IncompleteReadError:
                return
            self.sent.append(wire.split_cstring(message.body)[0])
            reply = self.replies.pop(0) if self.replies else Message(b"C", cstring("OK"))
            writer.write(reply.encode() + READY.encode())


class Client:
    """As much of a driver as these tests need."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def enter(self, user=USER, password=PASSWORD, database="churn"):
        self.writer.write(wire.startup({"user": user, "database": database}))
        asked = await read_message(self.reader)
        assert (asked.kind, struct.unpack("!i", asked.body[:4])[0]) == (b"R", 5)
        self.writer.write(Message(b"p", cstring(_answer(user, password, asked.body[4:8]))).encode())
        return await self.answers()

    async def ask(self, sql):
        self.writer.write(Message(b"Q", cstring(sql)).encode())
        return await self.answers()

    async def answers(self):
        """All up to ReadyForQuery, or to the end of the connection."""
        found = []
        while not found or found[-1].kind != b"Z":
            try:
                found.append(await read_message(self.reader))
            except asyncio.IncompleteReadError:
                break
        return found


def _talk(place, postgres, talk):
    """Run `talk` with a client of the proxy in front of `postgres`; what it returns."""

    async def run():
        behind = await asyncio.start_unix_server(postgres.serve, place)
        front = await asyncio.start_server(Proxy(place, Login(USER, PASSWORD)).handle, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*front.sockets[0].getsockname())
        try:
            return await asyncio.wait_for(talk(Client(reader, writer)), 20)
        finally:
            writer.close()
            front.close()
            behind.close()

    return asyncio.run(run())


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "s")


def _fields(message):
    return {part[:1]: part[1:].decode() for part in message.body.split(b"\0") if part}


@given(st.text(max_size=10), st.text(max_size=10), st.binary(min_size=4, max_size=4))
def test_only_the_password_opens(user, password, salt):
    login = Login(USER, PASSWORD)
    assert login.verify_password(USER, _answer(USER, PASSWORD, salt), salt)
    if (user, password) != (USER, PASSWORD):
        assert not login.verify_password(user, _answer(user, password, salt), salt)


def test_client_enters_as_on_redshift(place):
    postgres = Postgres()
    greeting = _talk(place, postgres, lambda client: client.enter(database="telecom"))
    assert greeting[-1] == READY
    assert wire.parameter_status("server_version", "8.0.2") in greeting
    assert wire.startup_parameters(postgres.greeted) == {"user": "postgres", "database": "telecom"}


@pytest.mark.parametrize(("user", "password"), [(USER, "wrong"), ("root", PASSWORD)])
def test_stranger_is_refused(place, user, password):
    postgres = Postgres()
    (refused,) = _talk(place, postgres, lambda client: client.enter(user, password))
    assert _fields(refused)[b"C"] == "28P01"
    assert f"password authentication failed for user '{user}'" in _fields(refused)[b"M"]
    assert b"churn" not in postgres.greeted, "nobody has been let through"


def _row(text):
    value = text.encode()
    return Message(b"D", struct.pack("!hi", 1, len(value)) + value)


@pytest.mark.parametrize(("password", "is_let_in"), [(PASSWORD, True), ("wrong", False)])
def test_created_user_enters_as_itself(place, password, is_let_in):
    stored = "md5" + hashlib.md5(f"{PASSWORD}loader".encode()).hexdigest()
    postgres = Postgres(_row(stored))
    found = _talk(place, postgres, lambda client: client.enter("loader", password))
    assert (found[-1] == READY) == is_let_in
    assert b"loader" in postgres.greeted if is_let_in else _fields(found[0])[b"C"] == "28P01"
    assert "rolname = 'loader'" in postgres.sent[0]


@pytest.mark.parametrize("stored", ["", "SCRAM-SHA-256$4096:x"])
def test_user_without_an_md5_password_proves_nothing(stored):
    salt = b"salt"
    response = "md5" + hashlib.md5(stored.encode() + salt).hexdigest()
    assert not proves(stored, response, salt)


def test_encryption_is_declined(place):
    async def talk(client):
        client.writer.write(struct.pack("!ii", 8, wire.SSL_REQUEST))
        assert await client.reader.readexactly(1) == b"N"
        return await client.enter()

    assert _talk(place, Postgres(), talk)[-1] == READY


def test_cancel_request_is_let_go(place):
    async def talk(client):
        client.writer.write(struct.pack("!iiii", 16, wire.CANCEL_REQUEST, 1, 2))
        return await client.reader.read()

    assert _talk(place, Postgres(), talk) == b""


def _asked(place, postgres, *statements):
    async def talk(client):
        await client.enter()
        return [await client.ask(statement) for statement in statements]

    return _talk(place, postgres, talk)


def test_statements_arrive_translated(place):
    postgres = Postgres()
    _asked(place, postgres, "BEGIN", "CREATE TABLE t (a BIGINT ENCODE AZ64) DISTSTYLE ALL")
    assert postgres.sent == ["BEGIN", "CREATE TABLE t (a BIGINT)"]


def test_own_syntax_error_replaces_the_other(place):
    postgres = Postgres(wire.error("syntax error at or near ?", "42601"), Message(b"C", cstring("OK")))
    (failed, worked) = _asked(place, postgres, "CREATE TABLE t (a INT ENCODE banana)", "SELECT 1")
    assert _fields(failed[0])[b"M"] == "invalid encoding type specified: banana"
    assert postgres.sent[0] == "?", "so that an open transaction fails as it should"
    assert [message.kind for message in worked] == [b"C", b"Z"]


def test_long_value_is_redshifts_error(place):
    violated = wire.error('new row violates check constraint "t_a_check"', "23514")
    ((failed, _),) = _asked(place, Postgres(violated), "INSERT INTO t VALUES ('long')")
    assert _fields(failed)[b"C"] == "22001"
    assert _fields(failed)[b"M"] == "Value too long for character type"


def test_other_errors_pass_unchanged(place):
    missing = wire.error('relation "t" does not exist', "42P01")
    ((failed, _),) = _asked(place, Postgres(missing), "SELECT a FROM t")
    assert failed == missing


def test_truncate_commits_at_once(place):
    postgres = Postgres()
    ((done, ready),) = _asked(place, postgres, "TRUNCATE TABLE t")
    assert postgres.sent == ["TRUNCATE TABLE t", "COMMIT"]
    assert (done, ready) == (Message(b"C", cstring("TRUNCATE")), READY)


def test_failed_truncate_is_not_committed(place):
    postgres = Postgres(wire.error("no such table", "42P01"))
    ((failed, _),) = _asked(place, postgres, "TRUNCATE TABLE t")
    assert _fields(failed)[b"M"] == "no such table"
    assert postgres.sent == ["TRUNCATE TABLE t"]


def test_copy_into_nothing_is_refused(place):
    postgres = Postgres(wire.error('relation "t" does not exist', "42P01"))
    ((failed, ready),) = _asked(place, postgres, "COPY t FROM '/nowhere/m' IAM_ROLE 'r' FORMAT PARQUET MANIFEST")
    assert _fields(failed)[b"M"] == 'relation "t" does not exist'
    assert ready == READY
