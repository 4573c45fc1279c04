"""Exports of a gold table: plain Parquet files, a COPY manifest and what they contain."""

from dataclasses import dataclass, field

from contract.errors import JobError
from contract.schema import Field, Schema
from lake.documents import Documents
from lake.storage import Folder

OPERATION_COLUMN = "_op"
UPSERT, DELETE = "U", "D"
_MANIFEST, _DESCRIPTION = "manifest.json", "export"


@dataclass(frozen=True)
class TableVersion:
    """A version of one certain table: versions of another lake also start at 0.

    A copy of a lake has the same table ids: `lineage` says which commit made the version (see `lake.delta_log`), empty
    where that is not known, as in what release 0.1.0 recorded. As text `<table id>@<version>#<lineage>`, empty for none.
    """

    table_id: str
    version: int
    lineage: str = ""

    def __str__(self) -> str:
        return f"{self.table_id}@{self.version}#{self.lineage}"

    @staticmethod
    def parse(text: str) -> "TableVersion | None":
        """Return the version that a text names, None for an empty text."""
        table_id, _, rest = text.rpartition("@")
        version, _, lineage = rest.partition("#")
        return TableVersion(table_id, int(version), lineage) if text else None


@dataclass(frozen=True)
class ExportColumn:
    """A column as declared; `max_bytes` limits a string, 0 for other types."""

    name: str
    type: str
    nullable: bool
    comment: str
    max_bytes: int


@dataclass(frozen=True)
class Export:
    """One exported table version.

    A full export has every row; otherwise `rows` are the changes since
    `base_version`. `table_rows` is what the table has at `version`. The
    files have one column more than `columns`: `_op`, U for upsert or D for delete. `checksums` are those of the
    table at `version` (see `lake.checksums`), empty in exports of release 0.1.0.
    """

    table_id: str
    version: int
    is_full: bool
    base_version: int | None
    rows: int
    table_rows: int
    columns: tuple[ExportColumn, ...]
    run_id: str
    lineage: str = ""
    checksums: dict[str, str] = field(default_factory=dict)

    @property
    def table_version(self) -> TableVersion:
        """Return the table version that it brings."""
        return TableVersion(self.table_id, self.version, self.lineage)


def export_columns(schema: Schema) -> tuple[ExportColumn, ...]:
    """Return the columns of an export of a table, in the order of its files."""
    return tuple(_export_column(field) for field in schema)


def _export_column(field: Field) -> ExportColumn:
    limit = field.max_bytes if field.type == "string" else 0
    return ExportColumn(field.name, field.type, field.nullable, field.comment, limit)


class Exports:
    """The exports of one lake, in `<lake>/_exports/customer_churn_analysis/<version>`."""

    def __init__(self, lake: Folder) -> None:
        self.root = lake / "_exports/customer_churn_analysis"

    def data(self, version: int) -> str:
        """Return where the Parquet files of a version go."""
        return self.root.uri(f"{_folder(version)}/data")

    def manifest(self, version: int) -> str:
        """Return the place of the file that COPY … MANIFEST is given."""
        return self.root.uri(f"{_folder(version)}/{_MANIFEST}")

    def clear(self, version: int) -> None:
        """Remove the files of an interrupted export."""
        self.root.delete(_folder(version))

    def write(self, export: Export) -> None:
        """Write the manifest, then the description, and delete exports of other versions. Raises LakeError."""
        folder = self.root / _folder(export.version)
        entries = [
            {"url": folder.uri(file.name), "mandatory": True, "meta": {"content_length": file.size}}
            for file in folder.files()
            if file.name.startswith("data/") and file.name.endswith(".parquet")
        ]
        folder.write_json(_MANIFEST, {"entries": entries})
        self._descriptions(export.version).write(_DESCRIPTION, export)
        for name in self.root.names():
            if name != _folder(export.version):
                self.root.delete(name)

    def exists(self, version: int) -> bool:
        """Return whether there is a finished export of `version`."""
        return self._descriptions(version).exists(_DESCRIPTION)

    def read(self, version: int) -> Export:
        """Return the description of an export. Raises JobError for one that is not finished."""
        descriptions = self._descriptions(version)
        if not descriptions.exists(_DESCRIPTION):
            place = descriptions.folder.uri()
            raise JobError(f"there is no finished export of version {version} at {place}. Run the pipeline again.")
        return descriptions.read(_DESCRIPTION)

    def _descriptions(self, version: int) -> Documents[Export]:
        return Documents(self.root / _folder(version), Export)


def _folder(version: int) -> str:
    return f"{version:08d}"
