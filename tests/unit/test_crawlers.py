"""Crawlers: waited for, and their guesses read; a crawl that fails or does not end is an error."""

import pytest

from blocks import crawlers
from blocks.crawlers import CrawledTable, GlueCrawler
from contract.errors import PlatformError


class Glue:
    """Glue by hand: the states of a crawler, then the tables that it made."""

    class exceptions:  # noqa: N801 (boto3's own name)
        class CrawlerRunningException(Exception):  # noqa: N818
            pass

    def __init__(self, *states, last=None, tables=(), is_running=False):
        self.states, self.last, self.tables = list(states), last or {}, tables
        self.is_running, self.started = is_running, []

    def start_crawler(self, Name):  # noqa: N803 (AWS's own name)
        if self.is_running:
            raise self.exceptions.CrawlerRunningException
        self.started.append(Name)

    def get_crawler(self, Name):  # noqa: N803
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"Crawler": {"Name": Name, "State": state, "LastCrawl": self.last}}

    def get_paginator(self, name):
        assert name == "get_tables"
        return self

    def paginate(self, DatabaseName):  # noqa: N803
        return [{"TableList": [table]} for table in self.tables] if DatabaseName == "raw" else []


def _table(name, **columns):
    found = [{"Name": column, "Type": kind} for column, kind in columns.items()]
    return {"Name": name, "StorageDescriptor": {"Columns": found} if found else {}}


@pytest.fixture
def crawl(monkeypatch):
    pauses = []
    monkeypatch.setattr(crawlers.time, "sleep", pauses.append)

    def act(glue, **options):
        monkeypatch.setattr(crawlers, "aws_client", lambda credentials, service: glue)
        return GlueCrawler(crawler="raw-crawler", database="raw", **options).crawl(), pauses

    return act


def test_guesses_come_by_table(crawl):
    billing = _table("billing", churn="string", tenure="bigint")
    billing["StorageDescriptor"]["Location"] = "s3://raw/billing/"
    glue = Glue("READY", tables=[billing, _table("empty")])
    found, pauses = crawl(glue)
    assert found == [
        CrawledTable("billing", "s3://raw/billing/", {"churn": "string", "tenure": "bigint"}),
        CrawledTable("empty", "", {}),
    ]
    assert glue.started == ["raw-crawler"]
    assert pauses == []


def test_crawl_is_waited_for(crawl):
    found, pauses = crawl(Glue("RUNNING", "RUNNING", "STOPPING", "READY"), poll_seconds=1.2)
    assert found == []
    assert pauses == [1.0, 1.2, 1.2]


def test_running_crawl_is_joined(crawl):
    glue = Glue("RUNNING", "READY", tables=[_table("billing", churn="string")], is_running=True)
    assert crawl(glue)[0] == [CrawledTable("billing", "", {"churn": "string"})]
    assert glue.started == []


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ({"Status": "FAILED", "ErrorMessage": "no access to s3://raw"}, "ended as FAILED: no access to s3://raw"),
        ({"Status": "CANCELLED"}, "ended as CANCELLED: no reason given"),
    ],
)
def test_failed_crawl_shows_the_reason(crawl, last, words):
    with pytest.raises(PlatformError, match=f"the crawler raw-crawler {words}"):
        crawl(Glue("READY", last=last))


def test_successful_last_crawl_is_fine(crawl):
    assert crawl(Glue("READY", last={"Status": "SUCCEEDED"}))[0] == []


def test_endless_crawl_is_an_error(crawl):
    with pytest.raises(PlatformError, match="the crawler raw-crawler is still RUNNING"):
        crawl(Glue("RUNNING"), timeout_seconds=-1)
