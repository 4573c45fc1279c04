"""Reading and writing Delta tables: the only code that does.

Every write carries the table's watermark in the same commit (Delta's transaction
identifier), so a write that is repeated after a crash changes nothing.
"""

import json
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from py4j.java_gateway import JavaObject
from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from contract import defaults
from contract.errors import LakeError, SchemaMismatchError
from contract.tables import Table, history_properties
from lake.delta_log import commit_file, lineage
from lake.storage import Folder
from transforms.spark_schema import spark_schema

WATERMARK_APP = "churn-lakehouse"
_MERGED = "churn_merged_rows"


@dataclass(frozen=True)
class Commit:
    """What a write did: version after it, and the rows that it added or changed."""

    version: int
    rows_written: int


class Lake:
    """The Delta tables below one root."""

    def __init__(self, session: SparkSession, root: Folder, rebuild: str | None = None) -> None:
        """`rebuild` names a full refresh, which may write although its watermark is known."""
        self.session = session
        self.root = root
        self.rebuild = rebuild

    def path(self, table: Table) -> str:
        """Return the place of a table."""
        return self.root.uri(table.path)

    def exists(self, table: Table) -> bool:
        """Return whether the table has a version."""
        return self.version(table) is not None

    def version(self, table: Table) -> int | None:
        """Return the newest version of a table, None before its first commit."""
        version = int(self._snapshot(table).version())
        return version if version >= 0 else None

    def watermark(self, table: Table) -> int:
        """Return the watermark of the newest write, -1 before the first and where that followed another definition."""
        app, watermark = self._last_write(table)
        return watermark if _app_definition(app) == table.definition else -1

    def newest_watermark(self, table: Table) -> int:
        """Return the watermark of the newest write, whatever definition that followed; -1 before the first."""
        return self._last_write(table)[1]

    def _is_redefined(self, table: Table) -> bool:
        """Whether the newest write, if any, followed another definition."""
        return _app_definition(self._last_write(table)[0]) != table.definition

    def _last_write(self, table: Table) -> tuple[str, int]:
        """Transaction app and watermark of the newest write.

        Read from the commits themselves: nearly always the newest has it, and asking
        Delta's snapshot costs a Spark job per table.
        """
        version = self.version(table)
        while version is not None and version >= 0 and self.root.exists(commit_file(table.path, version)):
            for action in self._actions(table, version):
                if "txn" in action and action["txn"]["appId"].startswith(WATERMARK_APP):
                    return action["txn"]["appId"], int(action["txn"]["version"])
            version -= 1
        return ("", -1) if version is None or version < 0 else self._last_write_by_snapshot(table)

    def _last_write_by_snapshot(self, table: Table) -> tuple[str, int]:
        """For a table whose own commits have been cleaned up by Delta (30 days of maintenance alone)."""
        written = self._snapshot(table).setTransactions()
        stamped = [
            (int(t.lastUpdated().get()) if t.lastUpdated().isDefined() else 0, int(t.version()), str(t.appId()))
            for t in (written.apply(i) for i in range(written.size()))
            if t.appId().startswith(WATERMARK_APP)
        ]
        _, watermark, app = max(stamped, default=(0, -1, ""))
        return app, watermark

    def table_id(self, table: Table) -> str:
        """Return Delta's own id of a table: a table recreated at the same place has another."""
        return str(self._snapshot(table).metadata().id())

    def lineage(self, table: Table, version: int) -> str:
        """Return which commit made a version, empty where that is no longer known."""
        return lineage(self.root, table.path, version)

    def bytes(self, table: Table) -> int:
        """Return the size of the newest version's data files."""
        return int(self._snapshot(table).sizeInBytes()) if self.exists(table) else 0

    def changed_bytes(self, table: Table, after: int, until: int) -> int:
        """Return the bytes of change records of versions `after` < v <= `until`; of the whole table where commits are gone."""
        versions = range(after + 1, until + 1)
        if after < 0 or not all(self.root.exists(commit_file(table.path, version)) for version in versions):
            return self.bytes(table)
        return sum(_changed_bytes(self._actions(table, version)) for version in versions)

    def data_files(self, table: Table) -> list[str]:
        """Return the data files of the newest version, as the log names them: below the table, URL-encoded."""
        return [add.path() for add in self._snapshot(table).allFiles().collectAsList()]

    def deletion_vectors(self, table: Table) -> dict[str, str]:
        """Return the file of the deletion vector, below the table, by data file of the newest version that has one."""
        jvm: Any = self.session._jvm
        place = jvm.org.apache.hadoop.fs.Path(self.path(table))
        found = {add.path(): add.deletionVector() for add in self._snapshot(table).allFiles().collectAsList()}
        return {
            file: vector.absolutePath(place).toString().removeprefix(f"{place.toString()}/")
            for file, vector in found.items()
            if vector is not None and vector.isOnDisk()
        }

    def drop_files(self, table: Table, files: Collection[str], note: str) -> None:
        """Commit a version without these data files, which cannot be read: a DELETE would read them."""
        snapshot = self._snapshot(table)
        now = int(time.time() * 1000)
        removed = [
            add.removeWithTimestamp(now, False).json()
            for add in snapshot.allFiles().collectAsList()
            if add.path() in files
        ]
        self.write_commit(table, int(snapshot.version()) + 1, note, *removed)

    def write_commit(self, table: Table, version: int, note: str, *actions: str) -> None:
        """Write or replace a commit file, with actions as JSON; what Delta and Hadoop derived from it is removed."""
        info = {"timestamp": int(time.time() * 1000), "operation": "REPAIR", "operationParameters": {"note": note}}
        name = commit_file(table.path, version)
        folder, _, short_name = name.rpartition("/")
        for derived in (f"{version:020d}.crc", f".{version:020d}.crc.crc", f".{short_name}.crc"):
            self.root.delete(f"{folder}/{derived}")
        self.root.write_text(name, "\n".join([json.dumps({"commitInfo": info}), *actions]) + "\n")
        self.forget_logs()

    def forget_logs(self) -> None:
        """Make Delta read its logs again."""
        self._java[0].clearCache()

    def matches_checksum(self, name: str) -> bool:
        """Return whether a file below the lake has the content that Hadoop keeps the checksum of."""
        jvm: Any = self.session._jvm
        path = jvm.org.apache.hadoop.fs.Path(self.root.uri(name))
        stream = path.getFileSystem(self.session._jsparkSession.sessionState().newHadoopConf()).open(path)
        try:
            jvm.org.apache.commons.io.IOUtils.consume(stream)
        except Py4JJavaError as error:
            if error.java_exception.getClass().getSimpleName() == "ChecksumException":
                return False
            raise
        finally:
            stream.close()
        return True

    def empty(self, table: Table) -> DataFrame:
        """Return no rows, with the declared schema."""
        return self.session.createDataFrame([], spark_schema(table.schema))

    def read(self, table: Table) -> DataFrame:
        """Return the newest version; an empty frame before the first commit."""
        if not self.exists(table):
            return self.empty(table)
        return self.session.read.format("delta").load(self.path(table))

    def read_declared(self, table: Table) -> DataFrame:
        """Return the newest version with every declared column: null for those that an earlier release did not have."""
        rows = self.read(table)
        added = {f.name: F.lit(None).cast(f.type) for f in table.schema if f.name not in rows.columns}
        return rows.withColumns(added).select(*table.schema.names)

    def read_version(self, table: Table, version: int) -> DataFrame:
        """Return the rows of a given version."""
        return self.session.read.format("delta").option("versionAsOf", version).load(self.path(table))

    def read_changes(self, table: Table, after: int, until: int) -> DataFrame | None:
        """Return the change feed of versions `after` < v <= `until`.

        None where the feed does not reach back that far (vacuumed), or a file of it is lost: take a snapshot.
        """
        if not all(self.root.exists(name) for name in self._change_files(table, after, until)):
            return None
        reader = self.session.read.format("delta").option("readChangeFeed", "true")
        try:
            return reader.option("startingVersion", after + 1).option("endingVersion", until).load(self.path(table))
        except AnalysisException:
            return None

    def _change_files(self, table: Table, after: int, until: int) -> Iterator[str]:
        """The files, below the lake, with the change records of versions `after` < v <= `until`."""
        for version in range(after + 1, until + 1):
            if self.root.exists(commit_file(table.path, version)):
                changes = (action["cdc"]["path"] for action in self._actions(table, version) if "cdc" in action)
                yield from (f"{table.path}/{unquote(path)}" for path in changes)

    def append(self, table: Table, rows: DataFrame, watermark: int) -> Commit:
        """Add rows and return the commit. Raises SchemaMismatchError."""
        return self._save(table, rows, watermark, "append")

    def overwrite(self, table: Table, rows: DataFrame, watermark: int) -> Commit:
        """Replace all rows, and the columns of another definition too; return the commit. Raises SchemaMismatchError."""
        return self._save(table, rows, watermark, "overwrite")

    def merge(
        self,
        table: Table,
        rows: DataFrame,
        watermark: int,
        *,
        update_when: str,
        update_set: dict[str, str] | None = None,
        delete_when: str = "",
        insert_when: str = "",
        is_whole: bool = False,
        not_stored: tuple[str, ...] = (),
    ) -> Commit:
        """Insert rows with new keys, update rows with known keys where `update_when` holds; return the commit.

        `update_when`, `update_set`, `delete_when` and `insert_when` are SQL over `t` (table) and `s` (rows); without
        `update_set` every column is taken from `s`. Where `delete_when` holds a known row is deleted, whatever `update_when`
        says, and a new one is inserted only where `insert_when` holds, also into a table without a version. `is_whole` says
        that `rows` are all that there are: others are deleted. Columns of `rows` that are `not_stored` are for this SQL
        alone. Keys of `rows` must be unique.
        Raises SchemaMismatchError.
        """
        stored = rows.drop(*not_stored)
        if not self.exists(table):
            stored = rows.alias("s").where(insert_when).drop(*not_stored) if insert_when else stored
            return self._save(table, stored, watermark, "append")
        self._checked(table, stored)
        before = self.version(table)
        on = " AND ".join(f"t.`{column}` = s.`{column}`" for column in table.key)
        taken = update_set or {column: f"s.`{column}`" for column in table.schema.names}
        assignments = ", ".join(f"t.`{column}` = {value}" for column, value in taken.items())
        columns, values = (", ".join(f"{side}`{name}`" for name in table.schema.names) for side in ("", "s."))
        rows.createOrReplaceTempView(_MERGED)
        # SQL, because not every Spark that has Delta's jars has its Python package.
        merge = (
            f"MERGE INTO delta.`{self.path(table)}` AS t USING {_MERGED} AS s ON {on} "
            f"{f'WHEN MATCHED AND ({delete_when}) THEN DELETE ' if delete_when else ''}"
            f"WHEN MATCHED AND ({update_when}) THEN UPDATE SET {assignments} "
            f"WHEN NOT MATCHED{f' AND ({insert_when})' if insert_when else ''} THEN INSERT ({columns}) VALUES ({values})"
            f"{' WHEN NOT MATCHED BY SOURCE THEN DELETE' if is_whole else ''}"
        )
        try:
            self._with_watermark(table, watermark, lambda: self.session.sql(merge))
        finally:
            # Spark copies the session, with its views, for every frame that is persisted: a view would keep all earlier plans.
            self.session.catalog.dropTempView(_MERGED)
        return self._commit(table, before)

    def history(self, table: Table) -> list[tuple[int, datetime]]:
        """Return the versions that Delta keeps of an existing table with the time (UTC) of each, newest first."""
        rows = self.session.sql(f"DESCRIBE HISTORY delta.`{self.path(table)}`").select("version", "timestamp").collect()
        return sorted(((row["version"], row["timestamp"].astimezone(UTC)) for row in rows), reverse=True)

    def restore(self, table: Table, version: int | None) -> None:
        """Make a new version that is like an earlier one, without rows where that is None. Raises LakeError."""
        if version is None:
            self.session.sql(f"DELETE FROM delta.`{self.path(table)}`")
            return
        try:
            self.session.sql(f"RESTORE TABLE delta.`{self.path(table)}` TO VERSION AS OF {version}")
        except (Py4JJavaError, PySparkException) as error:
            raise LakeError(
                f"{table.name} cannot be restored to version {version}: files of it are deleted. Give a later moment; what was "
                "restored before stays so"
            ) from error

    def optimize(self, table: Table) -> int:
        """Merge small files into larger ones and return by how many files the table shrank."""
        metrics = self.session.sql(f"OPTIMIZE delta.`{self.path(table)}`").select("metrics.*").first()
        return int(metrics["numFilesRemoved"] - metrics["numFilesAdded"]) if metrics else 0

    def keep_history(self, table: Table, days: int) -> None:
        """Make Delta keep the versions of the last `days` readable; changes nothing where it does so already."""
        present, wanted = self._snapshot(table).metadata().configuration(), history_properties(days)
        if not all(present.contains(name) and present.apply(name) == value for name, value in wanted.items()):
            properties = ", ".join(f"'{name}' = '{value}'" for name, value in wanted.items())
            self.session.sql(f"ALTER TABLE delta.`{self.path(table)}` SET TBLPROPERTIES ({properties})")

    def vacuum(self, table: Table, retention_days: int) -> None:
        """Delete files that no version of the last `retention_days` needs."""
        self.session.sql(f"VACUUM delta.`{self.path(table)}` RETAIN {retention_days * 24} HOURS")

    def _save(self, table: Table, rows: DataFrame, watermark: int, mode: str) -> Commit:
        before = self.version(table)
        is_redefined = mode == "overwrite" and before is not None and self._is_redefined(table)
        checked = self._declared(table, rows) if is_redefined else self._checked(table, rows)
        writer = checked.write.format("delta").mode(mode).option("overwriteSchema", is_redefined)
        if before is None:
            writer = writer.options(**table.properties, **history_properties(defaults.RETENTION_DAYS))
        writer.option("txnAppId", self._app(table)).option("txnVersion", watermark).save(self.path(table))
        return self._commit(table, before)

    def _checked(self, table: Table, rows: DataFrame) -> DataFrame:
        """`rows`, for a new table with the declared comments, after its schema and the stored one were checked."""
        if not self.exists(table):
            return self._declared(table, rows)
        check_schema(table, rows.schema)
        self._evolve(table)
        return rows

    def _declared(self, table: Table, rows: DataFrame) -> DataFrame:
        """`rows` with the declared comments, after their schema was checked."""
        check_schema(table, rows.schema)
        fields = spark_schema(table.schema).fields
        return rows.select(*(F.col(f"`{f.name}`").alias(f.name, metadata=f.metadata) for f in fields))

    def _evolve(self, table: Table) -> None:
        """Add declared columns that the stored table lacks. Raises SchemaMismatchError for a table of a newer version."""
        stored = self.read(table).columns
        unknown = [name for name in stored if name not in table.schema.names]
        if unknown:
            raise SchemaMismatchError(
                f"{table.name} at {self.path(table)} has columns that this version does not know: "
                f"{', '.join(unknown)}. It was written by a newer version: upgrade, or use another --lake."
            )
        added = [field for field in table.schema if field.name not in stored]
        if added:
            columns = ", ".join(f"`{f.name}` {f.type}" for f in added)
            self.session.sql(f"ALTER TABLE delta.`{self.path(table)}` ADD COLUMNS ({columns})")

    def _app(self, table: Table) -> str:
        """`churn-lakehouse[@definition][/rebuild]`: Delta leaves out a write of the same app and watermark."""
        app = f"{WATERMARK_APP}@{table.definition}" if table.definition else WATERMARK_APP
        rebuild = self.rebuild
        if not rebuild and table.definition and self._is_redefined(table):
            rebuild = f"after-{self.version(table)}"  # an earlier definition may be in use again
        return f"{app}/{rebuild}" if rebuild else app

    def _with_watermark(self, table: Table, watermark: int, write: Any) -> None:
        conf = self.session.conf
        conf.set("spark.databricks.delta.write.txnAppId", self._app(table))
        conf.set("spark.databricks.delta.write.txnVersion", str(watermark))
        try:
            write()
        finally:
            conf.unset("spark.databricks.delta.write.txnAppId")
            conf.unset("spark.databricks.delta.write.txnVersion")

    def _commit(self, table: Table, before: int | None) -> Commit:
        version = self.version(table)
        assert version is not None
        if version == before:
            return Commit(version, 0)
        return Commit(version, self._rows_written(table, version))

    def _rows_written(self, table: Table, version: int) -> int:
        actions = self._actions(table, version)
        metrics = next(a["commitInfo"]["operationMetrics"] for a in actions if "commitInfo" in a)
        if "numTargetRowsInserted" in metrics:
            return int(metrics["numTargetRowsInserted"]) + int(metrics["numTargetRowsUpdated"])
        return int(metrics["numOutputRows"])

    def _actions(self, table: Table, version: int) -> list[dict[str, Any]]:
        """The actions of one commit."""
        return [json.loads(line) for line in self.root.read_bytes(commit_file(table.path, version)).splitlines()]

    def _snapshot(self, table: Table) -> JavaObject:
        logs, none = self._java
        return logs.forTable(self.session._jsparkSession, self.path(table)).update(False, none, none)

    @cached_property
    def _java(self) -> tuple[Any, Any]:
        """Delta's logs and Scala's nothing: to find a class by its name takes longer than to read a log."""
        jvm: Any = self.session._jvm
        return jvm.org.apache.spark.sql.delta.DeltaLog, jvm.scala.Option.empty()


def _app_definition(app: str) -> str:
    return app.partition("/")[0].partition("@")[2]


def _changed_bytes(actions: list[dict[str, Any]]) -> int:
    """A commit without change records, an append, is its own change feed."""
    return sum(a["cdc"]["size"] for a in actions if "cdc" in a) or sum(a["add"]["size"] for a in actions if "add" in a)


def check_schema(table: Table, actual: StructType) -> None:
    """Raise SchemaMismatchError unless names, order and types are the declared ones."""
    declared = [(field.name, field.type) for field in table.schema]
    found = [(field.name, field.dataType.simpleString()) for field in actual]
    if declared == found:
        return
    missing = [f"{name} {kind}" for name, kind in declared if (name, kind) not in found]
    extra = [f"{name} {kind}" for name, kind in found if (name, kind) not in declared]
    raise SchemaMismatchError(
        f"{table.name}: rows do not have the declared schema. "
        f"Missing: {', '.join(missing) or 'none'}. Not declared: {', '.join(extra) or 'none'}."
    )
