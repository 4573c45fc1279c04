"""Athena: waiting for a query, its pages, its cost and its refusals."""

import pytest
from botocore.exceptions import ClientError

from blocks import athena
from blocks.athena import Athena
from contract.errors import QueryError

TERABYTE = 1024**4


class Client:
    """Athena by hand: the states that a query goes through, then pages of rows."""

    def __init__(self, *states, pages=(), scanned=None, reason=None):
        self.states, self.pages, self.stopped, self.asked = list(states), pages, [], []
        self.statistics = {} if scanned is None else {"Statistics": {"DataScannedInBytes": scanned}}
        self.reason = {} if reason is None else {"StateChangeReason": reason}

    def start_query_execution(self, **asked):
        self.asked.append(asked)
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, QueryExecutionId):  # noqa: N803 (AWS's own name)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, BaseException):
            raise state
        return {"QueryExecution": {"Status": {"State": state} | self.reason} | self.statistics}

    def stop_query_execution(self, QueryExecutionId):  # noqa: N803
        self.stopped.append(QueryExecutionId)

    def get_paginator(self, name):
        assert name == "get_query_results"
        return self

    def paginate(self, QueryExecutionId):  # noqa: N803
        return self.pages


def _page(*rows, columns=("city", "n")):
    data = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows]
    return {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": [{"Name": name} for name in columns]}}}


@pytest.fixture
def ask(monkeypatch):
    """Ask a client; the result, and the lines of progress."""
    monkeypatch.setattr(athena.time, "sleep", lambda seconds: None)

    def act(client, **options):
        monkeypatch.setattr(athena, "aws_client", lambda credentials, service: client)
        lines = []
        return Athena(workgroup="churn", **options).query("SELECT 1", lines.append), lines

    return act


def test_result_is_read_over_pages(ask):
    pages = [_page(("city", "n"), ("Rome", "1")), _page((None, "2"), ("Bern", None))]
    client = Client("SUCCEEDED", pages=pages)
    result, _ = ask(client)
    assert result.columns == ["city", "n"]
    assert result.rows == [("Rome", "1"), (None, "2"), ("Bern", None)]
    assert client.asked == [{"QueryString": "SELECT 1", "WorkGroup": "churn"}]
    assert client.stopped == []


def test_row_like_header_is_kept(ask):
    result, _ = ask(Client("SUCCEEDED", pages=[_page(("city", "n"), ("city", "n"))]))
    assert result.rows == [("city", "n")]


@pytest.mark.parametrize("pages", [[], [_page(columns=())], [{"ResultSet": {"Rows": []}}]])
def test_statement_without_rows_has_none(ask, pages):
    result, _ = ask(Client("SUCCEEDED", pages=pages))
    assert (result.columns, result.rows) == ([], [])


@pytest.mark.parametrize(
    ("scanned", "usd"),
    [
        (None, 0.0),
        (0, 0.0),
        (1, 5.0 * 10 * 1024**2 / TERABYTE),
        (10 * 1024**2 + 1, 5.0 * (10 * 1024**2 + 1) / TERABYTE),
        (2 * TERABYTE, 10.0),
    ],
)
def test_cost_has_its_least(ask, scanned, usd):
    result, _ = ask(Client("SUCCEEDED", scanned=scanned))
    assert result.usd == pytest.approx(usd)
    assert result.scanned_bytes == (scanned or 0)


def test_price_is_the_regions(ask):
    assert ask(Client("SUCCEEDED", scanned=TERABYTE), usd_per_terabyte=7.5)[0].usd == 7.5


def test_progress_is_said_once_a_state(ask):
    _, lines = ask(Client("QUEUED", "QUEUED", "RUNNING", "RUNNING", "SUCCEEDED"))
    assert lines == ["Athena: queued", "Athena: running", "Athena: succeeded"]


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("FAILED", "line 1:8: Column 'x' cannot be resolved", "Athena: failed: line 1:8: Column 'x'"),
        ("CANCELLED", None, "Athena: cancelled: no reason given"),
    ],
)
def test_bad_end_shows_the_reason(ask, state, reason, words):
    with pytest.raises(QueryError, match=words):
        ask(Client("RUNNING", state, reason=reason))


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit()])
def test_interrupted_query_is_stopped(ask, interruption):
    client = Client("RUNNING", interruption)
    with pytest.raises(type(interruption)):
        ask(client)
    assert client.stopped == ["q-1"]


def test_refusal_names_the_workgroup(ask):
    refused = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetQueryExecution")
    with pytest.raises(QueryError, match="querying Athena's workgroup churn: the role may not do that"):
        ask(Client(refused))
