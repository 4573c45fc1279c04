"""What differs between a laptop and AWS, and nothing else."""

from pathlib import Path
from typing import Any, Self

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field, SecretStr

from blocks.arrivals import ArrivalQueue
from blocks.athena import Athena
from blocks.aws import client_of
from blocks.catalog import GlueCatalog
from blocks.crawlers import GlueCrawler
from blocks.glue import GlueJob, LocalGlueJob
from blocks.notify import Notifier
from blocks.redshift import RedshiftWarehouse
from dashboard.content import CustomerIds
from transforms.runtime.storage import Folder, open_folder

REGISTERED_LAYERS = ("silver", "gold")


class Platform(Block):
    """A lake, something that runs jobs, and a warehouse."""

    _block_type_name = "Churn Platform"
    _block_type_slug = "churn-platform"
    _description = "Lake root, job runner and warehouse of the churn lakehouse."

    lake: str = Field(title="Lake", description="Root of the Delta tables: a folder, or s3://bucket/prefix.")
    jobs: LocalGlueJob | GlueJob = Field(title="Job runner", description="Runs the Glue script.")
    warehouse: RedshiftWarehouse = Field(title="Warehouse", description="Where gold is loaded.")
    raw: str = Field(default="", title="Raw files", description="Where raw files arrive, if always in one place.")
    catalog: GlueCatalog | None = Field(
        default=None, title="Catalog", description="Where tables are registered for Athena; none on a laptop."
    )
    athena: Athena | None = Field(default=None, title="Athena", description="Queries the lake; none on a laptop.")
    crawlers: list[GlueCrawler] = Field(
        default_factory=list, title="Crawlers", description="Crawlers over raw files and tables; none on a laptop."
    )
    arrivals: ArrivalQueue | None = Field(
        default=None, title="Arrivals", description="Hears of new raw files; a laptop watches its folder."
    )
    notifier: Notifier | None = Field(
        default=None, title="Notifier", description="Where alerts go; without one they are seen in Prefect only."
    )
    customer_ids: CustomerIds = Field(
        default="shown", title="Customer ids", description="How the published dashboard names customers to call."
    )
    credentials: AwsCredentials | None = Field(
        default=None, title="AWS credentials", description="For the lake's files on S3; none on a laptop."
    )

    def folder(self) -> Folder:
        """The lake's files beside its tables."""
        return open_folder(self.lake, self.s3_client())

    def s3_client(self) -> Any:
        """For places on S3; none on a laptop."""
        return client_of(self.credentials, "s3") if self.credentials else None

    def register_tables(self) -> list[str]:
        """Bring the catalog in line with the lake's tables; what was changed, in words."""
        if self.catalog is None:
            return []
        from transforms.tables import TABLES

        registered = (table for table in TABLES.values() if table.layer in REGISTERED_LAYERS)
        return [
            change
            for table in registered
            if self.folder().exists(f"{table.path}/_delta_log/{0:020d}.json")
            for change in self.catalog.register(table, f"{self.lake.rstrip('/')}/{table.path}")
        ]

    @classmethod
    def local(cls, lake: Path | None = None, *, small: bool = True) -> Self:
        """A laptop: folders below the state folder and the local warehouse, which must run."""
        from local.home import lake_folder, state_folder
        from local.redshift.account import DATABASE, USER, ensure_password
        from local.services import HOST, WAREHOUSE, running_port

        warehouse = RedshiftWarehouse(
            host=HOST,
            port=running_port(WAREHOUSE) or WAREHOUSE.port,
            database=DATABASE,
            user=USER,
            password=SecretStr(ensure_password(state_folder() / "warehouse")),
            iam_role="arn:aws:iam::000000000000:role/local",
            ssl=False,
            patience_seconds=5,  # it was waited for when it was started
        )
        root = (lake or lake_folder()).resolve()
        return cls(lake=str(root), jobs=LocalGlueJob(small=small), warehouse=warehouse)
