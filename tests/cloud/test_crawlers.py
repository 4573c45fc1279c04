"""Crawls over HTTP; moto infers nothing, so the tests put what a crawler would find into the catalog."""

import pytest
from moto.glue.models import glue_backends

from blocks.catalog import table_input
from blocks.crawlers import GlueCrawler
from blocks.glue import LocalGlueJob
from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from contract.errors import PlatformError
from contract.feeds import FEEDS
from contract.tables import TABLES
from tests.cloud.stand_in import ACCOUNT, REGION, first, json_error


@pytest.fixture
def crawler(cloud, orchestrator, roles, request):
    """A crawler of raw files, asked as Prefect's worker does."""
    name = f"crawler-{request.node.name}"[:100]
    glue = cloud.client("glue")
    glue.create_database(DatabaseInput={"Name": f"{name}-db"})
    glue.create_crawler(
        Name=name, Role="r", DatabaseName=f"{name}-db", Targets={"S3Targets": [{"Path": "s3://raw/raw/"}]}
    )
    roles.names |= {name: "RawCrawler", "nobody": "RawCrawler", f"{name}-db": "RawDatabase"}
    return GlueCrawler(
        crawler=name, database=f"{name}-db", credentials=orchestrator, poll_seconds=0.05, timeout_seconds=5
    )


def _ends(crawler, state="READY", **last):
    """moto leaves a started crawler RUNNING for ever: end it at once."""
    record = glue_backends[ACCOUNT][REGION].crawlers[crawler.crawler]

    def started() -> None:
        record.state = state
        record.last_crawl_info = type("Last", (), {"as_dict": lambda _: last})() if last else None

    record.start_crawler = started


def _found(cloud, crawler, name, columns, location="s3://raw/raw/"):
    given = [{"Name": column, "Type": kind} for column, kind in columns.items()]
    cloud.client("glue").create_table(
        DatabaseName=crawler.database,
        TableInput={"Name": name, "StorageDescriptor": {"Columns": given, "Location": location}},
    )


def _platform(*crawlers):
    warehouse = RedshiftWarehouse(host="h", user="u", iam_role="r")
    return Platform(lake="s3://lake/lake", jobs=LocalGlueJob(), warehouse=warehouse, crawlers=list(crawlers))


def test_what_differs_from_the_contract_is_reported(cloud, crawler, prefect_harness):
    from flows.schema_drift import schema_drift

    _ends(crawler)
    headers = dict.fromkeys((c for c in FEEDS["billing"].columns if c != "contract"), "string")
    _found(cloud, crawler, "billing", headers | {"shoe size": "bigint"})
    _found(cloud, crawler, "parcels", {"id": "bigint"})
    table = table_input(TABLES["gold.churn_kpis"], "s3://lake/x")["StorageDescriptor"]["Columns"]
    kinds = {column["Name"]: column["Type"] for column in table} | {"value": "double"}
    _found(cloud, crawler, "churn_kpis", kinds, location="s3://lake/lake/gold/churn_kpis/")
    assert sorted(schema_drift(_platform(crawler))) == [
        "gold.churn_kpis: column value was double, is decimal(24,4)",
        "raw/billing: column shoe size is not in the contract",
        "raw/billing: required column contract is missing",
        "raw/parcels: no feed of that name",
    ]


def test_no_drift_is_no_news(cloud, roles, crawler, prefect_harness):
    from flows.schema_drift import schema_drift

    _ends(crawler)
    for feed in ("services", "customers"):
        _found(cloud, crawler, feed, dict.fromkeys(FEEDS[feed].columns, "string"))
    assert schema_drift(_platform(crawler)) == []
    assert schema_drift(_platform()) == []
    assert roles.orchestrator.used == {"glue:StartCrawler", "glue:GetCrawler", "glue:GetTables"}


def test_a_crawl_that_somebody_else_started_is_waited_for(cloud, crawler):
    _ends(crawler)
    cloud.faults.append(first(1, "AWSGlue.StartCrawler", json_error("CrawlerRunningException")))
    assert crawler.crawl() == []


def test_a_crawl_that_does_not_end_is_an_error(cloud, crawler):
    with pytest.raises(PlatformError, match="still RUNNING"):
        crawler.model_copy(update={"timeout_seconds": 0.3}).crawl()


def test_a_crawler_that_is_not_there_is_named(cloud, crawler):
    with pytest.raises(PlatformError, match="crawling with nobody"):
        crawler.model_copy(update={"crawler": "nobody"}).crawl()
