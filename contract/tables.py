"""Every table of the lake, declared once; DDL, dictionary and checks derive from here."""

from dataclasses import dataclass, field
from typing import Literal

from contract.columns import KEY
from contract.feeds import FEEDS
from contract.metrics import DEFINITION
from contract.schema import Schema
from contract.schemas import gold, silver
from contract.schemas.bronze import bronze_schema

WriteMode = Literal["append", "merge"]
RAW = "raw"
LAYERS = ("bronze", "silver", "gold")


@dataclass(frozen=True)
class Table:
    """A Delta table: its schema, key, sources and how it is written.

    `properties` are Delta table properties set at creation. A table whose readers
    include Athena or Redshift keeps deletion vectors off: they cannot read them. A table with
    a `definition` that was written by another one is recomputed. `meaning` says what a row is.
    """

    name: str
    schema: Schema
    reads: tuple[str, ...]
    mode: WriteMode
    key: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)
    definition: str = ""
    meaning: str = ""

    @property
    def layer(self) -> str:
        """Return the layer: bronze, silver or gold."""
        return self.name.split(".")[0]

    @property
    def short_name(self) -> str:
        """Return the name without its layer."""
        return self.name.split(".")[1]

    @property
    def path(self) -> str:
        """Return its place below the lake root: `<layer>/<table>`."""
        return self.name.replace(".", "/")


def history_properties(days: int) -> dict[str, str]:
    """Return properties that keep a table's commits, and which files they need, for `days`.

    Delta's own periods are 30 days and a week: after them a version cannot be read, whatever files VACUUM has kept, and
    VACUUM does not know that an older version needs a file.
    """
    return dict.fromkeys(("delta.logRetentionDuration", "delta.deletedFileRetentionDuration"), f"interval {days} days")


_CHANGE_FEED = {"delta.enableChangeDataFeed": "true"}
_PLAIN = {"delta.enableDeletionVectors": "false"}
_DELETION_VECTORS = {"delta.enableDeletionVectors": "true"}


def _statistics(*columns: str) -> dict[str, str]:
    """Return properties that keep min and max per file for these columns only: for all, they cost a tenth of a write."""
    return {"delta.dataSkippingStatsColumns": ",".join(columns)}


_BRONZE = tuple(
    Table(f"bronze.{feed.name}", bronze_schema(feed), (RAW,), "append", properties=_statistics("_batch_id"))
    for feed in FEEDS.values()
)
_BRONZE_NAMES = tuple(table.name for table in _BRONZE)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *_BRONZE,
        Table(
            "silver.customers",
            silver.CUSTOMERS,
            _BRONZE_NAMES,
            "merge",
            (KEY,),
            _CHANGE_FEED | _DELETION_VECTORS | _statistics(KEY),
            silver.DEFINITION,
            "One row per customer: the newest known value of every column.",
        ),
        Table(
            "silver.customer_history",
            silver.HISTORY,
            (*_BRONZE_NAMES, "silver.customers"),
            "merge",
            (KEY, "valid_from", "_batch_id"),
            _DELETION_VECTORS | _statistics(KEY, "recorded_to"),
            silver.DEFINITION,
            "One row per real change of a customer, with when it was true and when it was known.",
        ),
        Table(
            "silver.tombstones",
            silver.TOMBSTONES,
            _BRONZE_NAMES,
            "merge",
            (KEY, "feed"),
            _DELETION_VECTORS | _statistics(KEY),
            silver.DEFINITION,
            "One row per customer and feed whose record the source has deleted, or no longer has. It stays when the customer "
            "comes back, so that no older record does.",
        ),
        Table(
            "silver.quarantine",
            silver.QUARANTINE,
            (*_BRONZE_NAMES, "silver.customers"),
            "merge",
            ("record_id",),
            _PLAIN | _statistics("status"),
            silver.DEFINITION,
            "One row per record that breaks a rule, with its violations.",
        ),
        Table(
            "gold.customer_churn_analysis",
            gold.ANALYSIS,
            ("silver.customers",),
            "merge",
            (KEY,),
            _CHANGE_FEED | _PLAIN | _statistics(KEY),
            silver.DEFINITION,
            "One row per customer of whom every required column group has arrived, with the churn logic.",
        ),
        Table(
            "gold.churn_breakdown",
            gold.BREAKDOWN,
            ("gold.customer_churn_analysis",),
            "merge",
            ("dimension", "value"),
            _PLAIN | _statistics("dimension"),
            DEFINITION,
            "One row per dimension and value, with the measures of the customers who have it.",
        ),
        Table(
            "gold.churn_kpis",
            gold.KPIS,
            ("gold.churn_breakdown",),
            "append",
            properties=_PLAIN | _statistics("kpi"),
            definition=DEFINITION,
            meaning="One row per KPI and run that changed gold.",
        ),
        Table(
            "gold.customer_movements",
            gold.MOVEMENTS,
            ("gold.customer_churn_analysis",),
            "append",
            properties=_PLAIN | _statistics("moved_on", "source_version"),
            meaning="One row per change of segment, churn or risk of a customer.",
        ),
    )
}
