"""Exports of a gold table: plain Parquet files, a COPY manifest and what they hold."""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transforms.errors import JobError
from transforms.runtime.storage import read_json, write_json


@dataclass(frozen=True)
class TableVersion:
    """A version of one certain table: another lake counts its versions from 0 as well.

    As text `<table id>@<version>`, empty for none.
    """

    table_id: str
    version: int

    def __str__(self) -> str:
        return f"{self.table_id}@{self.version}"

    @staticmethod
    def parse(text: str) -> "TableVersion | None":
        table_id, _, version = text.rpartition("@")
        return TableVersion(table_id, int(version)) if text else None


@dataclass(frozen=True)
class ExportColumn:
    """A column as Spark declares it; `max_bytes` limits a string, 0 for other types."""

    name: str
    type: str
    nullable: bool
    comment: str
    max_bytes: int


@dataclass(frozen=True)
class Export:
    """One exported table version.

    A full export holds every row; otherwise `rows` are the changes since
    `base_version`. `table_rows` is what the table holds at `version`. The
    files have one column more than `columns`: `_op`, U for upsert or D for delete.
    """

    table_id: str
    version: int
    is_full: bool
    base_version: int | None
    rows: int
    table_rows: int
    columns: tuple[ExportColumn, ...]
    run_id: str


class Exports:
    """The exports of one lake, in `<lake>/_exports/customer_churn_analysis/<version>`."""

    def __init__(self, lake: Path) -> None:
        self.root = lake / "_exports" / "customer_churn_analysis"

    def folder(self, version: int) -> Path:
        return self.root / f"{version:08d}"

    def manifest(self, version: int) -> Path:
        """The file that COPY … MANIFEST is given."""
        return self.folder(version) / "manifest.json"

    def write(self, export: Export) -> None:
        """Write the manifest, then the description, and drop exports of other versions."""
        files = sorted((self.folder(export.version) / "data").glob("*.parquet"))
        entries = [
            {"url": str(file), "mandatory": True, "meta": {"content_length": file.stat().st_size}} for file in files
        ]
        write_json(self.manifest(export.version), {"entries": entries})
        write_json(self._description(export.version), asdict(export))
        for folder in self.root.iterdir():
            if folder != self.folder(export.version):
                shutil.rmtree(folder, ignore_errors=True)

    def exists(self, version: int) -> bool:
        """Whether there is a finished export of `version`."""
        return self._description(version).exists()

    def read(self, version: int) -> Export:
        path = self._description(version)
        if not path.exists():
            raise JobError(f"there is no finished export of version {version} at {path}. Run the road again.")
        content: dict[str, Any] = read_json(path)
        return Export(**{**content, "columns": tuple(ExportColumn(**c) for c in content["columns"])})

    def _description(self, version: int) -> Path:
        return self.folder(version) / "export.json"
