"""The platform: everything that differs between local and AWS."""

import shlex
from pathlib import Path
from typing import Any, Self

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field, SecretStr, model_validator

from blocks.arrivals import ArrivalQueue
from blocks.athena import Athena
from blocks.aws import aws_client
from blocks.catalog import GlueCatalog
from blocks.crawlers import GlueCrawler
from blocks.glue import GlueJob, LocalGlueJob
from blocks.lineage import Lineage
from blocks.metrics import Metrics
from blocks.notify import Notifier
from blocks.redshift import RedshiftWarehouse
from contract.errors import PlatformError
from infrastructure.local.paths import DEFAULT_RAW, lake_folder
from infrastructure.local.redshift.account import DATABASE, USER, ensure_password
from infrastructure.local.services import HOST, WAREHOUSE, running_port, warehouse_folder
from lake.storage import Folder, open_folder
from serving.dashboard.content import CustomerIds

JobRunner = LocalGlueJob | GlueJob


class Platform(Block):
    """A lake, something that runs jobs, and what else there is: a warehouse, a catalog, who is told."""

    _block_type_name = "Churn Platform"
    _block_type_slug = "churn-platform"
    _description = "Lake root, job runner and, where there is one, warehouse of the churn lakehouse."

    lake: str = Field(title="Lake", description="Root of the Delta tables: a folder, or s3://bucket/prefix.")
    jobs: JobRunner = Field(title="Job runner", description="Runs the Glue script.")
    warehouse: RedshiftWarehouse | None = Field(
        default=None, title="Warehouse", description="Where gold is loaded; without one it is read on the lake."
    )
    raw: str = Field(default="", title="Raw files", description="Where raw files arrive, if always in one place.")
    catalog: GlueCatalog | None = Field(
        default=None, title="Catalog", description="Where tables are registered for Athena; none on a local platform."
    )
    athena: Athena | None = Field(
        default=None, title="Athena", description="Queries the lake; none on a local platform."
    )
    crawlers: list[GlueCrawler] = Field(
        default_factory=list,
        title="Crawlers",
        description="Crawlers over raw files and tables; none on a local platform.",
    )
    arrivals: ArrivalQueue | None = Field(
        default=None,
        title="Arrivals",
        description="Receives notifications about new raw files; locally a folder is watched.",
    )
    notifier: Notifier | None = Field(
        default=None, title="Notifier", description="Where alerts go; without one they are seen in Prefect only."
    )
    metrics: Metrics | None = Field(
        default=None, title="Metrics", description="Where runs write figures for alarms; none on a local platform."
    )
    lineage: Lineage | None = Field(
        default=None,
        title="Lineage",
        description="Where OpenLineage events are sent; without one they are written beside the lake only.",
    )
    customer_ids: CustomerIds = Field(
        default="shown",
        title="Customer ids",
        description="How customer ids appear in the call list of the published dashboard.",
    )
    credentials: AwsCredentials | None = Field(
        default=None, title="AWS credentials", description="For the lake's files on S3; none on a local platform."
    )

    deployed: dict[str, str] = Field(
        default_factory=dict,
        title="Deployed",
        description="What churn deploy has written, by field: other values are a user's, and kept by the next one.",
    )

    @model_validator(mode="after")
    def _without_unnamed_warehouse(self) -> Self:
        """Leave out a warehouse without a host: release 0.1.0 saved it for a stack that has none."""
        if self.warehouse is not None and not self.warehouse.host:
            self.warehouse = None
        return self

    def required_warehouse(self) -> RedshiftWarehouse:
        """Return the warehouse. Raises PlatformError where the platform has none."""
        if self.warehouse is None:
            raise PlatformError(
                f"the platform of the lake {self.lake} has no warehouse. Query the lake, with: churn query --on lake; or "
                "give its block a warehouse"
            )
        return self.warehouse

    @property
    def command_options(self) -> str:
        """Return the options with which `churn` works on this platform; empty where it does so by itself."""
        if isinstance(self.jobs, LocalGlueJob):
            return "" if Path(self.lake) == lake_folder().resolve() else f"--lake {shlex.quote(self.lake)}"
        return f"--platform {self._block_document_name}" if self._block_document_name else ""

    @property
    def run_options(self) -> str:
        """Return the options with which a command that ingests works on this platform: those, and where its raw files are.

        Without, a decision on a file of another folder would ingest the default one.
        """
        is_default = not self.raw or Path(self.raw).resolve() == Path(DEFAULT_RAW).resolve()
        is_said = not isinstance(self.jobs, LocalGlueJob) or is_default
        return self.command_options if is_said else f"{self.command_options} --raw {shlex.quote(self.raw)}".strip()

    def folder(self) -> Folder:
        """Return the lake's files beside its tables."""
        return open_folder(self.lake, self.s3_client())

    def s3_client(self) -> Any:
        """Return the client for places on S3, None on a local platform."""
        return aws_client(self.credentials, "s3") if self.credentials else None

    @classmethod
    def local(cls, lake: Path | None = None, *, fast_start: bool = True) -> Self:
        """Return the platform of this machine: folders below the state folder and the local warehouse, which must run."""
        warehouse = RedshiftWarehouse(
            host=HOST,
            port=running_port(WAREHOUSE) or WAREHOUSE.port,
            database=DATABASE,
            user=USER,
            password=SecretStr(ensure_password(warehouse_folder())),
            iam_role="arn:aws:iam::000000000000:role/local",
            ssl=False,
            connect_timeout_seconds=5,  # it was waited for when it was started
        )
        root = (lake or lake_folder()).resolve()
        return cls(lake=str(root), jobs=LocalGlueJob(fast_start=fast_start), warehouse=warehouse)
