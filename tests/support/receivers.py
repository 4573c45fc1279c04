"""Who alerts are sent to in tests: a webhook and a mail server on this machine that can also misbehave."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook:
    """Keeps the texts that it is sent. `answers` are status codes for the next requests, 0 for none at all."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.answers: list[int] = []
        self._silent = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = outer.answers.pop(0) if outer.answers else 200
                if status < 400:
                    outer.texts.append(body["text"])
                if status == 0:
                    outer._silent.wait(10)
                    return
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"said the receiver")

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook/planted-path"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._silent.set()
        self._server.shutdown()


class MailServer:
    """As much SMTP as a client needs; keeps the mails. `refuse` answers every recipient with an error."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refuse = False
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 here")
                while line := self.rfile.readline().decode().strip():
                    word = line.split()[0].upper()
                    if word == "RCPT" and outer.refuse:
                        self._say("550 no such person")
                    elif word == "DATA":
                        self._say("354 go on")
                        lines = []
                        while (text := self.rfile.readline()) != b".\r\n":
                            lines.append(text.removeprefix(b".") if text.startswith(b"..") else text)
                        outer.mails.append(b"".join(lines))
                        self._say("250 kept")
                    elif word == "QUIT":
                        self._say("221 bye")
                        return
                    else:
                        self._say("250 ok")

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()


class EventReceiver:
    """A receiver of OpenLineage: keeps the events of each request. `answers` are status codes for the next requests."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.paths: set[str] = set()
        self.keys: set[str | None] = set()
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = outer.answers.pop(0) if outer.answers else 201
                outer.paths.add(self.path)
                outer.keys.add(self.headers["Authorization"])
                if status < 400:
                    outer.events.append(event)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
