"""Where the records of a run have gone: which of them silver.customers takes something from."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import KEY
from contract.feeds import GROUPS
from transforms.silver import GROUP_VERSIONS, IS_TAKEN, file_of_place_sql

_IS_NEW = "_is_new"


def taken_records(decided: DataFrame, changed: DataFrame | None) -> DataFrame:
    """Return the records from which silver.customers takes a value or a deletion, counted: a row per delivery and kind.

    `decided` are rows of `transforms.silver.decided`; `changed` has the keys of the customers whose state is another one
    than before, None where all are taken to be. Columns: `_batch_id`, `_source_file`, `is_deletion`, whether the customer
    `is_complete` after it, whether something `is_new`, and `records`. Of records that are alike in everything one counts.
    """
    versions = ", ".join(
        f"IF({IS_TAKEN}.`{g.name}`, struct({', '.join(_field(g.name, field) for field in _IDENTITY)}), NULL)"
        for g in GROUPS
    )
    is_new = F.lit(True)
    if changed is not None:
        decided = decided.join(changed.select(KEY, F.lit(True).alias(_IS_NEW)), on=KEY, how="left")
        is_new = F.coalesce(_IS_NEW, F.lit(False))
    records = decided.select(
        "is_complete",
        is_new.alias("is_new"),
        F.expr(f"explode(array_compact(array_distinct(array({versions}))))").alias("r"),
    )
    file = F.expr(file_of_place_sql("r._place")).alias("_source_file")
    counted = records.groupBy(
        "r._batch_id", file, F.col("r._is_deletion").alias("is_deletion"), "is_complete", "is_new"
    )
    return counted.agg(F.count(F.lit(1)).alias("records"))


_IDENTITY = ("_batch_id", "_place", "_event_at", "_is_deletion")


def _field(group: str, field: str) -> str:
    return f"{GROUP_VERSIONS}.`{group}`.{field} AS {field}"
