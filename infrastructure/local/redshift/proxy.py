"""The Redshift stand-in: redshift_connector on one side, PostgreSQL on the other."""

import asyncio
import contextlib
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infrastructure.local.redshift.copy import CopyError, CopyPlan, read_rows
from infrastructure.local.redshift.dialect import RedshiftSyntaxError, RewrittenStatement, rewrite
from infrastructure.local.redshift.users import POSTGRES, Login, proves, stored_password
from infrastructure.local.redshift.wire import (
    CANCEL_REQUEST,
    SSL_REQUEST,
    Message,
    authentication,
    cstring,
    error,
    parameter_status,
    read_message,
    read_startup,
    split_cstring,
    startup,
    startup_parameters,
    text_row,
)

# The driver parses this; PostgreSQL's own version string stops it.
_SERVER_VERSION = "8.0.2"
_CHECK_VIOLATION = "23514"
_BROKEN = "?"  # a statement that PostgreSQL rejects, so that a transaction fails as it should


@dataclass
class Session:
    """One client and its PostgreSQL connection.

    Statements that the stand-in runs itself (COPY, VACUUM, TRUNCATE) are kept by name in
    `emulated`; everything else is translated and passed on.
    """

    client_in: asyncio.StreamReader
    client_out: asyncio.StreamWriter
    server_in: asyncio.StreamReader
    server_out: asyncio.StreamWriter
    status: bytes = b"I"
    emulated: dict[str, RewrittenStatement] = field(default_factory=dict)
    portals: dict[str, RewrittenStatement] = field(default_factory=dict)
    replaced_error: str = ""

    async def run(self) -> None:
        """Serve batches of messages, each up to Sync, until the client leaves."""
        while True:
            batch = [await read_message(self.client_in)]
            while batch[-1].kind not in (b"S", b"Q", b"X"):
                batch.append(await read_message(self.client_in))
            if batch[-1].kind == b"X":
                return
            await self._serve(batch)
            await self.client_out.drain()

    async def _serve(self, batch: list[Message]) -> None:
        if batch[0].kind == b"Q":
            await self._simple(split_cstring(batch[0].body)[0])
            return
        prepared = [self._prepare(message) for message in batch]
        if any(self._is_emulated(message) for message in prepared):
            await self._serve_emulated(prepared)
        else:
            await self._forward(prepared)

    def _prepare(self, message: Message) -> Message:
        """Translate the SQL of a Parse; keep statements that are emulated."""
        if message.kind != b"P":
            return message
        name, rest = split_cstring(message.body)
        sql, types = split_cstring(rest)
        self.emulated.pop(name, None)
        try:
            rewritten = rewrite(sql)
        except RedshiftSyntaxError as problem:
            self.replaced_error = str(problem)
            return Message(b"P", cstring(name) + cstring(_BROKEN) + types)
        if rewritten.is_emulated:
            self.emulated[name] = rewritten
        return Message(b"P", cstring(name) + cstring(rewritten.sql) + types)

    def _is_emulated(self, message: Message) -> bool:
        if message.kind == b"P":
            return split_cstring(message.body)[0] in self.emulated
        if message.kind == b"B":
            return split_cstring(split_cstring(message.body)[1])[0] in self.emulated
        if message.kind == b"E":
            return split_cstring(message.body)[0] in self.portals
        if message.kind in (b"D", b"C") and message.body[:1] == b"S":
            return split_cstring(message.body[1:])[0] in self.emulated
        return False

    async def _serve_emulated(self, batch: list[Message]) -> None:
        for message in batch:
            if message.kind == b"P":
                self._send(Message(b"1"))
            elif message.kind == b"B":
                portal, rest = split_cstring(message.body)
                self.portals[portal] = self.emulated[split_cstring(rest)[0]]
                self._send(Message(b"2"))
            elif message.kind == b"D" and message.body[:1] == b"S":
                self._send(Message(b"t", struct.pack("!h", 0)), Message(b"n"))
            elif message.kind == b"D":
                self._send(Message(b"n"))
            elif message.kind == b"C":
                self._send(Message(b"3"))
            elif message.kind == b"E":
                portal = split_cstring(message.body)[0]
                if not await self._execute(self.portals.pop(portal)):
                    break
        self._send(Message(b"Z", self.status))

    async def _execute(self, rewritten: RewrittenStatement) -> bool:
        """Run a COPY, VACUUM or TRUNCATE; return whether it succeeded."""
        if rewritten.copy:
            return await self._copy(rewritten.copy)
        if rewritten.upkeep:
            return await self._vacuum(rewritten.upkeep)
        failure = await self._ask(rewritten.sql) or await self._ask("COMMIT")
        self._send(error(failure) if failure else Message(b"C", cstring("TRUNCATE")))
        return failure is None

    async def _vacuum(self, statements: Sequence[str]) -> bool:
        for statement in statements:
            if failure := await self._ask(statement):
                self._send(error(failure))
                return False
        self._send(Message(b"C", cstring("VACUUM")))
        return True

    async def _simple(self, sql: str) -> None:
        """A simple query: Redshift's clients send these for BEGIN, COMMIT and the like."""
        try:
            rewritten = rewrite(sql)
        except RedshiftSyntaxError as problem:
            self.replaced_error = str(problem)
            rewritten = RewrittenStatement(_BROKEN)
        if rewritten.is_emulated:
            await self._execute(rewritten)
            self._send(Message(b"Z", self.status))
        else:
            await self._forward([Message(b"Q", cstring(rewritten.sql))])

    async def _forward(self, batch: list[Message]) -> None:
        """Pass a batch on, and its answers back up to ReadyForQuery."""
        self.server_out.write(b"".join(message.encode() for message in batch))
        while True:
            response = await read_message(self.server_in)
            if response.kind == b"Z":
                self.status = response.body
            if response.kind == b"E":
                response = self._as_redshift(response)
            self.client_out.write(response.encode())
            if response.kind == b"Z":
                return

    def _as_redshift(self, problem: Message) -> Message:
        """The error that Redshift would give."""
        if self.replaced_error:
            problem, self.replaced_error = error(self.replaced_error, "42601"), ""
        if _error_field(problem, b"C") == _CHECK_VIOLATION:
            return error("Value too long for character type", "22001")
        return problem

    async def _copy(self, plan: CopyPlan) -> bool:
        try:
            types = await self._column_types(plan)
            copied = await self._stream(plan, types)
        except CopyError as problem:
            if self.status == b"T":
                await self._ask(_BROKEN)
            self._send(error(str(problem), "XX000"))
            return False
        self._send(Message(b"C", cstring(f"COPY {copied}")))
        return True

    async def _stream(self, plan: CopyPlan, types: list[str]) -> int:
        columns = f" ({', '.join(plan.columns)})" if plan.columns else ""
        self.server_out.write(Message(b"Q", cstring(f"COPY {plan.table}{columns} FROM STDIN (FORMAT csv)")).encode())
        copied, failure = 0, ""
        try:
            for chunk, rows in read_rows(plan, types):
                self.server_out.write(Message(b"d", chunk).encode())
                await self.server_out.drain()
                copied += rows
            self.server_out.write(Message(b"c").encode())
        except CopyError as problem:
            failure = str(problem)
            self.server_out.write(Message(b"f", cstring("refused")).encode())
        refused = await self._until_ready()
        if failure or refused:
            raise CopyError(failure or refused or "")
        return copied

    async def _column_types(self, plan: CopyPlan) -> list[str]:
        query = (
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
            f"WHERE attrelid = '{plan.table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
        rows: list[tuple[str, str]] = []
        failure = await self._ask(query, rows)
        if failure:
            raise CopyError(failure)
        known = dict(rows)
        missing = [column for column in plan.columns if column not in known]
        if missing:
            raise CopyError(f"column {missing[0]!r} of {plan.table} does not exist")
        return [known[column] for column in plan.columns] if plan.columns else list(known.values())

    async def _ask(self, sql: str, rows: list[tuple[str, str]] | None = None) -> str | None:
        """Run SQL of the stand-in's own; return the error message if it fails."""
        self.server_out.write(Message(b"Q", cstring(sql)).encode())
        return await self._until_ready(rows)

    async def _until_ready(self, rows: list[tuple[str, str]] | None = None) -> str | None:
        failure = None
        while True:
            response = await read_message(self.server_in)
            if response.kind == b"E":
                failure = _error_text(response)
            elif response.kind == b"D" and rows is not None:
                first, second = text_row(response.body)
                rows.append((first, second))
            elif response.kind == b"Z":
                self.status = response.body
                return failure

    def _send(self, *messages: Message) -> None:
        self.client_out.write(b"".join(message.encode() for message in messages))


def _error_field(message: Message, letter: bytes) -> str:
    fields = {part[:1]: part[1:].decode(errors="replace") for part in message.body.split(b"\0") if part}
    return fields.get(letter, "")


def _error_text(message: Message) -> str:
    return _error_field(message, b"M")


class Proxy:
    """Accepts clients and gives each a session."""

    def __init__(self, socket_path: Path, login: Login) -> None:
        self.socket_path = socket_path
        self.login = login

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from its first byte to its last."""
        server_out: asyncio.StreamWriter | None = None
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            parameters = await self._greet(reader, writer)
            if parameters is not None:
                server_in, server_out = await asyncio.open_unix_connection(str(self.socket_path))
                await self._connect(parameters, server_in, server_out, writer)
                await Session(reader, writer, server_in, server_out).run()
        for stream in (server_out, writer):
            if stream is not None:
                stream.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, str] | None:
        """Negotiate and check the password; return the parameters of PostgreSQL's session, None for a refused client."""
        code, body = await read_startup(reader)
        while code == SSL_REQUEST:
            writer.write(b"N")
            code, body = await read_startup(reader)
        if code == CANCEL_REQUEST:
            return None
        parameters = startup_parameters(body)
        salt = os.urandom(4)
        writer.write(authentication(5, salt).encode())
        response = split_cstring((await read_message(reader)).body)[0]
        user, database = parameters.get("user", ""), {"database": parameters.get("database", "dev")}
        if self.login.verify_password(user, response, salt):
            return {"user": POSTGRES} | database
        if proves(await stored_password(self.socket_path, user), response, salt):
            return {"user": user} | database
        writer.write(error(f"password authentication failed for user {user!r}", "28P01").encode())
        await writer.drain()
        return None

    async def _connect(
        self,
        parameters: dict[str, str],
        server_in: asyncio.StreamReader,
        server_out: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
    ) -> None:
        """Log in to PostgreSQL and pass its greeting on, with Redshift's version in it."""
        server_out.write(startup(parameters))
        while True:
            message = await read_message(server_in)
            if message.kind == b"S" and split_cstring(message.body)[0] == "server_version":
                message = parameter_status("server_version", _SERVER_VERSION)
            client.write(message.encode())
            if message.kind == b"E":
                await client.drain()
                raise ConnectionError(_error_text(message))
            if message.kind == b"Z":
                return
