"""What tasks do besides Prefect: their functions, called without a server."""

import logging
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from blocks.crawlers import CrawledTable
from contract.errors import NotifyError, RawPathError, UnknownDeliveryError
from contract.feeds import FEEDS
from contract.tables import TABLES
from lake.arrivals import RawFileEvent
from lake.dashboard_data import Dashboards, pack
from lake.delta_log import commit_file
from lake.rebuild import RebuildRequest
from lake.results import BatchStatistics, JobResult
from lake.reviews import Month, Review, Reviews
from lake.storage import open_folder
from tasks import arrivals, catalog, crawlers, raw, report, runs
from tasks.arrivals import announce
from tasks.catalog import register_tables
from tasks.crawlers import report_drift
from tasks.glue import run_glue_job
from tasks.operators import deliver, notify
from tasks.raw import Day, days_with_files, publish_backfill
from tasks.rebuild import request_rebuild
from tasks.report import publish_dashboard, publish_review, publish_tables
from tasks.runs import format_file_count, new_run_id
from tests.support.gold_rows import gold_customers


def _result(job="silver", table="silver.customers", **changes):
    return JobResult(**{"job": job, "table": table, "run_id": "r", "started_at": "t", "outcome": "passed"} | changes)


class Artifacts:
    """What would be published in Prefect, by key."""

    def __init__(self, monkeypatch, module):
        self.made = {}
        for name in ("create_table_artifact", "create_link_artifact", "create_markdown_artifact"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, self._keep)

    def _keep(self, key, **content):
        self.made[key] = content


# Arrivals


@pytest.fixture
def events(monkeypatch):
    sent = []
    monkeypatch.setattr(arrivals, "emit_event", lambda **event: sent.append(event))
    return sent


def _file(feed, number=1):
    return RawFileEvent(f"raw/{feed}/{number}.csv", feed, 3, "e")


def test_feed_has_one_event(events):
    announce([_file("services"), _file("billing", 1), _file("services"), _file("billing", 2)], "staging")
    assert [event["resource"]["prefect.resource.id"] for event in events] == ["churn.raw.billing", "churn.raw.services"]
    assert [len(event["payload"]["files"]) for event in events] == [2, 1]
    assert {event["event"] for event in events} == {"churn.raw.arrived"}
    assert {event["resource"]["churn.environment"] for event in events} == {"staging"}
    assert events[1]["payload"]["files"] == [{"key": "raw/services/1.csv", "feed": "services", "size": 3, "etag": "e"}]


def test_nothing_arrived_is_no_event(events):
    announce([], "local")
    assert events == []


def test_watcher_gives_signs_of_life_in_intervals(events, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(arrivals.time, "monotonic", lambda: now[0])
    heartbeat = arrivals.Heartbeat("staging")
    for now[0] in (1000.0, 1001.0, 1000.0 + arrivals.HEARTBEAT_SECONDS):
        heartbeat.beat()
    assert [event["event"] for event in events] == ["churn.watcher.alive"] * 2


def test_watcher_that_fails_does_not_say_that_it_was_stopped(events):
    with pytest.raises(ZeroDivisionError), arrivals.Heartbeat("staging"):
        raise ZeroDivisionError
    assert events == []


# Catalog


def test_present_tables_are_registered(tmp_path):
    lake = open_folder(tmp_path)
    for name in ("silver.customers", "gold.churn_kpis", "bronze.billing"):
        lake.write_text(commit_file(TABLES[name].path, 3), "{}")
    asked = []

    class Catalog:
        def register(self, table, location):
            asked.append((table.name, location))
            return [f"{table.name}: moved"] if table.layer == "gold" else []

    platform = SimpleNamespace(catalog=Catalog(), lake=f"{tmp_path}/", folder=lambda: lake)
    assert register_tables.fn(platform) == ["gold.churn_kpis: moved"]
    assert asked == [(name, f"{tmp_path}/{TABLES[name].path}") for name in ("silver.customers", "gold.churn_kpis")]


def test_platform_without_catalog_registers_nothing():
    assert register_tables.fn(SimpleNamespace(catalog=None)) == []
    assert set(catalog.REGISTERED_LAYERS) == {"silver", "gold"}


# Drift


def _crawled(place, columns):
    """What a crawler finds at a place: it is called as its folder."""
    root = "s3://lake/lake" if "/" in place else "s3://raw/raw"
    return CrawledTable(place.rpartition("/")[2], f"{root}/{place}/", columns)


@pytest.fixture
def drift(monkeypatch):
    """The lines about what crawlers inferred, and the table in Prefect."""
    artifacts = Artifacts(monkeypatch, crawlers)

    def act(*inferred):
        found = [
            SimpleNamespace(crawl=lambda tables=tables: [_crawled(place, c) for place, c in tables.items()])
            for tables in inferred
        ]
        platform = SimpleNamespace(crawlers=found, lake="s3://lake/lake")
        return report_drift.fn(platform), artifacts.made["schema-drift"]["table"]

    return act


KPIS = {field.name: field.type for field in TABLES["gold.churn_kpis"].schema}
BILLING = dict.fromkeys(FEEDS["billing"].required, "string")


def test_declared_schemas_do_not_drift(drift):
    assert drift({"gold/churn_kpis": KPIS}, {"billing": {name.upper(): kind for name, kind in BILLING.items()}}) == (
        [],
        [],
    )


@pytest.mark.parametrize(
    ("inferred", "line"),
    [
        ({"gold/churn_kpis": KPIS | {"value": "double"}}, "gold.churn_kpis: column value was double, is decimal(24,4)"),
        ({"gold/churn_kpis": KPIS | {"colour": "string"}}, "gold.churn_kpis: column colour removed"),
        ({"billing": BILLING | {"colour": "string"}}, "raw/billing: column colour is not in the contract"),
        (
            {"billing": {k: v for k, v in BILLING.items() if k != "churn"}},
            "raw/billing: required column churn is missing",
        ),
        ({"letters": {"a": "string"}}, "raw/letters: no feed of that name"),
        ({"gold/letters": {"a": "string"}}, "gold.letters: no table of that name"),
    ],
)
def test_drift_is_one_line(drift, inferred, line):
    assert drift(inferred) == ([line], [{"difference": line}])


@pytest.mark.parametrize("feed", FEEDS)
def test_raw_files_are_compared_with_their_feed_alone(drift, feed):
    """Also those of customers, of which silver has a table with other columns."""
    headers = {column.replace("_", " "): "string" for column in FEEDS[feed].required}
    assert drift({feed: headers}) == ([], [])
    assert drift({"silver/customers": {f.name: f.type for f in TABLES["silver.customers"].schema}}) == ([], [])


def test_churn_value_is_no_drift(drift):
    columns = {name: kind for name, kind in BILLING.items() if name != "churn"} | {"churn_value": "bigint"}
    assert drift({"billing": columns}) == ([], [])


# Operators


class Notifier:
    def __init__(self, problem=None):
        self.sent, self.problem = [], problem

    def notify(self, body, subject):
        self.sent.append((subject, body))
        if self.problem:
            raise self.problem


def test_message_reaches_the_notifier():
    notifier = Notifier()
    assert deliver(SimpleNamespace(notifier=notifier), "subject", "body")
    assert notifier.sent == [("subject", "body")]


def test_unknown_delivery_is_not_repeated(caplog):
    assert deliver(SimpleNamespace(notifier=Notifier(UnknownDeliveryError("no answer"))), "subject", "body")
    assert "no answer; it may not have arrived" in caplog.text


def test_refused_message_is_an_error():
    with pytest.raises(NotifyError, match="refused"):
        deliver(SimpleNamespace(notifier=Notifier(NotifyError("refused"))), "subject", "body")


def test_message_without_notifier_is_logged(caplog):
    platform = SimpleNamespace(notifier=None)
    assert not deliver(platform, "subject", "body")
    notify.fn(platform, "late files", "of billing")
    assert "late files" in caplog.text
    assert "of billing" in caplog.text


# Glue


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"rows_written": 1234, "seconds": 2.04}, "silver.customers: 1,234 rows written, passed (2.0 s)"),
        (
            {"rows_written": 5, "rows_quarantined": 1000, "outcome": "warned"},
            "silver.customers: 5 rows written, 1,000 quarantined, warned (0.0 s)",
        ),
        (
            {"outcome": "unchanged", "notes": ("no new batch", "at 3")},
            "silver.customers: nothing to do, no new batch; at 3",
        ),
    ],
)
def test_job_is_logged_in_a_line(caplog, changes, line):
    done = []

    class Jobs:
        def with_arguments(self, **arguments):
            done.append(arguments)
            return self

        def trigger(self):
            return self

        def wait_for_completion(self):
            done.append("waited")

        def fetch_result(self):
            return [_result(**changes)]

    with caplog.at_level(logging.INFO, logger="churn"):
        platform = SimpleNamespace(jobs=Jobs(), lake="s3://b/lake", run_options="--platform p")
        found = run_glue_job.fn(platform, "silver", "r", {"raw": "x"})
    assert found == [_result(**changes)]
    given = {"job": "silver", "run_id": "r", "lake": "s3://b/lake", "command_options": "--platform p", "raw": "x"}
    assert done == [given, "waited"]
    assert caplog.messages == ["silver: running", line]


# Raw files


def test_days_are_those_asked_for(tmp_path):
    for day, count in (("2026-01-01", 1), ("2026-01-02", 2), ("2026-01-04", 1)):
        for number in range(count):
            open_folder(tmp_path / day).write_text(f"{number}.csv", "x")
    platform = SimpleNamespace(s3_client=lambda: None)
    found = days_with_files.fn(platform, str(tmp_path), date(2026, 1, 2), date(2026, 1, 4))
    assert found == {date(2026, 1, 2): 2, date(2026, 1, 4): 1}
    with pytest.raises(RawPathError, match="before it starts on 2026-01-02: swap them"):
        days_with_files.fn(platform, str(tmp_path), date(2026, 1, 2), date(2026, 1, 1))


def test_backfill_names_empty_days(monkeypatch):
    artifacts = Artifacts(monkeypatch, raw)
    publish_backfill.fn([Day(date(2026, 1, 1), 3, 70), Day(date(2026, 1, 2), 0, 0), Day(date(2026, 1, 3), 1, None)])
    made = artifacts.made["backfill"]
    assert made["description"] == "3 days, 1 of them without files"
    assert made["table"][1] == {"day": "2026-01-02", "files": 0, "rows": 0, "note": "no files"}
    assert [row["note"] for row in made["table"]] == ["", "no files", "an external service failed"]


# Reports


def test_tables_are_published_as_done(monkeypatch):
    artifacts = Artifacts(monkeypatch, report)
    publish_tables.fn([_result(version_after=4, rows_read=3, rows_written=2, rows_quarantined=1, notes=("a", "b"))])
    assert artifacts.made["tables"]["table"] == [
        {
            "table": "silver.customers", "outcome": "passed", "version": 4, "read": 3, "written": 2, "quarantined": 1,
            "seconds": 0.0, "notes": "a; b",
        }
    ]  # fmt: skip


def test_dashboard_is_linked_once_made(tmp_path, monkeypatch):
    artifacts, lake = Artifacts(monkeypatch, report), open_folder(tmp_path)
    platform = SimpleNamespace(folder=lambda: lake, customer_ids="none")
    assert publish_dashboard.fn(platform) is None
    assert artifacts.made == {}
    made = pack(gold_customers(20), table_id="t", version=1, made_at="2026-01-01T00:00:00+00:00", trend=[])
    Dashboards(lake).write(made)
    place = publish_dashboard.fn(platform)
    assert artifacts.made["dashboard"]["link"] == f"file://{place}"
    assert lake.exists("_reports/dashboard.html")


def test_review_is_published_with_summary(folder, monkeypatch):
    artifacts = Artifacts(monkeypatch, report)
    monkeypatch.setattr("serving.pages.find_browser", lambda: None)
    Reviews(folder).write(Review("2026-03", "2026-04-01T07:00:00+00:00", {"2026-02": None, "2026-03": None}))
    place = publish_review.fn(SimpleNamespace(folder=lambda: folder), Month(2026, 3))
    assert artifacts.made["business-review"]["markdown"].startswith("# Business review March 2026")
    link = artifacts.made["business-review-page"]["link"]
    assert link == (place if place.startswith("s3://") else f"file://{place}".replace(" ", "%20"))


# Runs


@pytest.mark.parametrize(
    ("files", "words"),
    [([], "0 files"), ([None], "0 files"), ([1], "1 file"), ([1, None, 1], "2 files"), ([1000, 234], "1,234 files")],
)
def test_files_are_counted_in_words(files, words):
    results = [_result("bronze", statistics=BatchStatistics(files=count)) for count in files]
    assert format_file_count(results) == words


def test_run_ids_sort_by_time(monkeypatch):
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=n) for n in (0, 1, 999_999, 10**7, 10**12)]
    left = iter(moments)
    monkeypatch.setattr(runs, "datetime", SimpleNamespace(now=lambda zone: next(left)))
    ids = [new_run_id() for _ in moments]
    assert ids == sorted(ids)
    assert ids[0] == "20260101T000000000000Z"
    assert len(set(ids)) == len(ids)


# Rebuilds


def test_full_refresh_stays_asked_for_until_it_is_done(tmp_path, caplog):
    platform = SimpleNamespace(folder=lambda: open_folder(tmp_path))
    assert not request_rebuild.fn(platform, wanted=False)
    with caplog.at_level(logging.INFO, "churn"):
        assert request_rebuild.fn(platform, wanted=True)
        assert not caplog.text, "whoever asks now need not be told"
        assert request_rebuild.fn(platform, wanted=False)
    assert "was asked for before, and is not complete yet" in caplog.text
    RebuildRequest(open_folder(tmp_path)).close()
    assert not request_rebuild.fn(platform, wanted=False)
