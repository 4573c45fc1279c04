"""The workbook published to a server that speaks as much of Tableau's interface as publishing needs."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from blocks.tableau import TableauServer
from contract.errors import TableauError
from serving.tableau.workbook import Server, render

NS = 'xmlns="http://tableau.com/api"'


class Tableau:
    """Signs in, lists projects, takes a workbook, runs a refresh that ends as `finish` says."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bytes]] = []
        self.finish, self.project, self.polls = "0", "Churn", 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.split("?")[0]
                outer.said.append((f"{self.command} {path}", body))
                status, text = outer.reply(self.command, path, body)
                content = f"<tsResponse {NS}>{text}</tsResponse>".encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/xml")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def reply(self, method: str, path: str, body: bytes) -> tuple[int, str]:
        if path.lower().endswith("/serverinfo"):
            return (
                200,
                '<serverInfo><productVersion build="1">2024.1</productVersion><restApiVersion>3.22</restApiVersion></serverInfo>',
            )
        if path.endswith("/signin"):
            if b"right-token" not in body:
                return 401, '<error code="401001"><summary>Signin Error</summary><detail>Invalid token</detail></error>'
            return 200, '<credentials token="t"><site id="s" contentUrl=""/><user id="u"/></credentials>'
        if path.endswith("/projects"):
            return (
                200,
                f'<pagination pageNumber="1" pageSize="100" totalAvailable="1"/><projects><project id="p" name="{self.project}"/></projects>',
            )
        if path.endswith("/workbooks"):
            return (
                201,
                '<workbook id="w-1" name="Telecom churn" contentUrl="x"><project id="p"/><owner id="u"/><tags/></workbook>',
            )
        if path.endswith("/refresh"):
            return 202, '<job id="j" mode="Asynchronous" type="RefreshExtract" createdAt="2026-01-01T00:00:00Z"/>'
        if "/jobs/" in path:
            self.polls += 1
            done = f'completedAt="2026-01-01T00:00:09Z" finishCode="{self.finish}"' if self.polls > 1 else ""
            notes = "<extractRefreshJob><notes>no such host</notes></extractRefreshJob>"
            return (
                200,
                f'<job id="j" mode="Asynchronous" type="RefreshExtract" progress="50" createdAt="2026-01-01T00:00:00Z" {done}>{notes}</job>',
            )
        return 204, ""

    def stop(self) -> None:
        self._server.shutdown()


@pytest.fixture
def tableau():
    server = Tableau()
    yield server
    server.stop()


def _block(server, **changes):
    given = {
        "url": server.url, "token_name": "churn", "token": SecretStr("right-token"), "project": "Churn",
        "warehouse_user": "reader", "warehouse_password": SecretStr("planted-password"),
    }  # fmt: skip
    return TableauServer(**(given | changes))


def test_publish_sends_the_workbook_to_its_project_with_the_connection(tableau, tmp_path):
    path = tmp_path / "churn.twb"
    path.write_bytes(render(Server()))
    assert _block(tableau).publish(path, "Telecom churn", "redshift.example:5439") == "w-1"
    ((_, body),) = [said for said in tableau.said if said[0].startswith("POST") and said[0].endswith("/workbooks")]
    assert b'name="Telecom churn"' in body
    assert re.search(rb'<project id="p"', body)
    assert b"redshift.example" in body
    assert render(Server()) in body
    assert tableau.said[-1][0].endswith("/signout")


def test_a_project_that_is_not_there(tableau, tmp_path):
    path = tmp_path / "churn.twb"
    path.write_bytes(render(Server()))
    tableau.project = "Other"
    with pytest.raises(TableauError, match="no project 'Churn'"):
        _block(tableau).publish(path, "Telecom churn", "h:1")


def test_a_wrong_token_is_said_and_not_shown(tableau):
    with pytest.raises(TableauError, match="401001") as caught:
        _block(tableau, token=SecretStr("wrong-token")).refresh("w-1")
    assert "wrong-token" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_refresh_is_waited_for(tableau):
    _block(tableau).refresh("w-1")
    assert tableau.polls == 2


def test_a_refresh_that_fails_says_why(tableau):
    tableau.finish = "1"
    with pytest.raises(TableauError, match="failed: no such host"):
        _block(tableau).refresh("w-1")


def test_nobody_there():
    block = TableauServer(url="http://127.0.0.1:9", token_name="x", token=SecretStr("y"))
    with pytest.raises(TableauError, match=r"refreshing on http://127\.0\.0\.1:9"):
        block.refresh("w-1")


def test_the_flow_publishes_the_extract_and_has_it_refreshed(prefect_harness, warehouse, tableau, tmp_path):
    from blocks.glue import LocalGlueJob
    from blocks.platform import Platform
    from contract.tables import TABLES
    from flows.publish_tableau import publish_tableau
    from lake.exports import export_columns
    from tasks.warehouse import migrate

    with warehouse.connection() as connection:
        migrate(connection, warehouse, export_columns(TABLES["gold.customer_churn_analysis"].schema))
    platform = Platform(lake=str(tmp_path), jobs=LocalGlueJob(), warehouse=warehouse)
    assert publish_tableau(platform, _block(tableau), refresh=True) == "w-1"
    sent = b"".join(body for said, body in tableau.said if said.endswith("/workbooks"))
    assert b"Data/Extracts/telecom_churn.hyper" in sent, "the packaged workbook"
    assert b"planted-password" in sent
    assert tableau.polls == 2
