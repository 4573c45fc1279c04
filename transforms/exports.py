"""Exports of a gold table: plain Parquet files, a COPY manifest and what they hold."""

from dataclasses import asdict, dataclass
from typing import Any

from transforms.errors import JobError
from transforms.runtime.storage import Folder

_MANIFEST, _DESCRIPTION = "manifest.json", "export.json"


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

    def __init__(self, lake: Folder) -> None:
        self.root = lake / "_exports/customer_churn_analysis"

    def data(self, version: int) -> str:
        """Where the Parquet files of a version go."""
        return self.root.uri(f"{_folder(version)}/data")

    def manifest(self, version: int) -> str:
        """The file that COPY … MANIFEST is given."""
        return self.root.uri(f"{_folder(version)}/{_MANIFEST}")

    def clear(self, version: int) -> None:
        """Remove what an interrupted export may have left."""
        self.root.delete(_folder(version))

    def write(self, export: Export) -> None:
        """Write the manifest, then the description, and drop exports of other versions."""
        folder = self.root / _folder(export.version)
        entries = [
            {"url": folder.uri(file.name), "mandatory": True, "meta": {"content_length": file.size}}
            for file in folder.files()
            if file.name.startswith("data/") and file.name.endswith(".parquet")
        ]
        folder.write_json(_MANIFEST, {"entries": entries})
        folder.write_json(_DESCRIPTION, asdict(export))
        for name in self.root.names():
            if name != _folder(export.version):
                self.root.delete(name)

    def exists(self, version: int) -> bool:
        """Whether there is a finished export of `version`."""
        return self.root.exists(f"{_folder(version)}/{_DESCRIPTION}")

    def read(self, version: int) -> Export:
        folder = self.root / _folder(version)
        if not folder.exists(_DESCRIPTION):
            raise JobError(f"there is no finished export of version {version} at {folder.uri()}. Run the road again.")
        content: dict[str, Any] = folder.read_json(_DESCRIPTION)
        return Export(**{**content, "columns": tuple(ExportColumn(**c) for c in content["columns"])})


def _folder(version: int) -> str:
    return f"{version:08d}"
