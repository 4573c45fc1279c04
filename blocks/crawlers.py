"""Glue crawlers: what AWS infers from the files, compared with what we declare."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field

from blocks.aws import aws_client
from contract.errors import PlatformError
from infrastructure.aws.calls import aws_errors_as, poll_intervals

_FIRST_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class CrawledTable:
    """What a crawler made of the files at a place: a name, and the type of each column that it inferred."""

    name: str
    location: str
    columns: Mapping[str, str]


class GlueCrawler(Block):
    """One crawler and the catalog database that it fills."""

    _block_type_name = "Churn Glue Crawler"
    _block_type_slug = "churn-glue-crawler"
    _description = "Infers schemas of files or tables, to compare them with the declared ones."

    credentials: AwsCredentials = Field(
        default_factory=AwsCredentials, title="AWS credentials", description="Account and region of the crawler."
    )
    crawler: str = Field(title="Crawler", description="Name of the crawler, an output of the stack.")
    database: str = Field(title="Database", description="Catalog database that the crawler fills.")
    poll_seconds: float = Field(default=15.0, title="Poll seconds", description="Maximum polling interval in seconds.")
    timeout_seconds: float = Field(
        default=1800.0, title="Timeout", description="Seconds after which a crawl that has not ended is an error."
    )

    def crawl(self) -> list[CrawledTable]:
        """Crawl to the end and return what was found. Raises PlatformError when the crawl fails."""
        glue = aws_client(self.credentials, "glue")
        with aws_errors_as(f"crawling with {self.crawler}"):
            # A crawl that is already running reads the same files.
            with contextlib.suppress(glue.exceptions.CrawlerRunningException):
                glue.start_crawler(Name=self.crawler)
            self._wait(glue)
            pages = glue.get_paginator("get_tables").paginate(DatabaseName=self.database)
            return [_crawled(table) for page in pages for table in page["TableList"]]

    def _wait(self, glue: Any) -> None:
        deadline = time.monotonic() + self.timeout_seconds
        waits = poll_intervals(_FIRST_POLL_SECONDS, self.poll_seconds)
        while True:
            crawler = glue.get_crawler(Name=self.crawler)["Crawler"]
            if crawler["State"] == "READY":
                break
            if time.monotonic() > deadline:
                raise PlatformError(
                    f"the crawler {self.crawler} is still {crawler['State']}. Look at it in the console."
                )
            time.sleep(next(waits))
        last = crawler.get("LastCrawl", {})
        if last.get("Status") in ("FAILED", "CANCELLED"):
            raise PlatformError(
                f"the crawler {self.crawler} ended as {last['Status']}: {last.get('ErrorMessage', 'no reason given')}"
            )


def _crawled(table: dict[str, Any]) -> CrawledTable:
    storage = table["StorageDescriptor"]
    columns: Sequence[dict[str, str]] = storage.get("Columns", ())
    return CrawledTable(
        table["Name"], storage.get("Location", ""), {column["Name"]: column["Type"] for column in columns}
    )
