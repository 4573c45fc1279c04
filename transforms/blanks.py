"""Blank values in rows of bronze that release 0.1.0 has written: it had null for blank, as for a column that is absent."""

from collections.abc import Collection, Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.columns import COLUMN
from contract.feeds import Feed

_DELIVERY = ("_batch_id", "_source_file")


def with_blanks(bronze: DataFrame, feed: Feed, lacking: Mapping[tuple[int, str], Collection[str]]) -> DataFrame:
    """Return `bronze` with "" for null in the optional columns that the file of a record has.

    `lacking` has the columns that the file of a delivery (batch, file) lacks; rows of other deliveries stay as they are.
    """
    if not lacking:
        return bronze
    files = [(batch, path, list(columns)) for (batch, path), columns in lacking.items()]
    known = bronze.sparkSession.createDataFrame(files, "_batch_id bigint, _source_file string, _lacks array<string>")
    joined = bronze.join(F.broadcast(known), on=list(_DELIVERY), how="left")
    optional = [name for name in feed.optional if name in COLUMN]
    return joined.withColumns({name: F.expr(_completed(name)) for name in optional}).select(*bronze.columns)


def _completed(column: str) -> str:
    is_blank = f"`{column}` IS NULL AND _parse_error IS NULL AND NOT array_contains(_lacks, '{column}')"
    return f"CASE WHEN {is_blank} THEN '' ELSE `{column}` END"
