"""What differs between a laptop and AWS, and nothing else."""

from pathlib import Path
from typing import Self

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.glue import LocalGlueJob
from blocks.redshift import RedshiftWarehouse
from transforms.runtime.storage import Folder, open_folder


class Platform(Block):
    """A lake, something that runs jobs, and a warehouse."""

    _block_type_name = "Churn Platform"
    _block_type_slug = "churn-platform"
    _description = "Lake root, job runner and warehouse of the churn lakehouse."

    lake: str = Field(title="Lake", description="Root of the Delta tables: a folder, or s3://bucket/prefix.")
    jobs: LocalGlueJob = Field(title="Job runner", description="Runs the Glue script.")
    warehouse: RedshiftWarehouse = Field(title="Warehouse", description="Where gold is loaded.")

    def folder(self) -> Folder:
        """The lake's files beside its tables."""
        return open_folder(self.lake)

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
        )
        root = (lake or lake_folder()).resolve()
        return cls(lake=str(root), jobs=LocalGlueJob(small=small), warehouse=warehouse)
