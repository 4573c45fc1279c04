"""Raw lines to the columns of a feed, as received; a line that cannot be parsed is kept."""

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contract.feeds import Feed, column_for_header, normalize_header

_CORRUPT = "_corrupt"
_REPLACEMENT = "\ufffd"
_BYTE_ORDER_MARK = "\ufeff"
_ANY_LENGTH = 2**31 - 1


def parse(lines: DataFrame, feed: Feed, file_format: str, delimiter: str, headers: Sequence[str]) -> DataFrame:
    """Return the columns of `feed` as strings, `_parse_error`, `_rescued_data` and `_path`.

    `lines` has `value` (a line, or the whole file for a JSON array) and `_path`.
    A column that the file does not have is null; one that is there but blank is "".
    """
    if file_format == "csv":
        return _parse_csv(_clean(lines), feed, delimiter, headers)
    if file_format == "json_array":
        return _parse_json(_clean(_elements(lines)), feed, headers)
    return _parse_json(_clean(lines), feed, headers)


def with_lineage(parsed: DataFrame, feed: Feed, files: DataFrame, batch_id: int, ingested_at: datetime) -> DataFrame:
    """Return the rows of bronze.<feed>: `parsed` joined to its `files` (`_path`, name, checksum, event time)."""
    return parsed.join(F.broadcast(files), on="_path", how="inner").select(
        F.lit(batch_id).cast("long").alias("_batch_id"),
        "_source_file",
        "_source_checksum",
        F.lit(ingested_at).cast("timestamp").alias("_ingested_at"),
        "_file_event_at",
        "_parse_error",
        "_rescued_data",
        *feed.columns,
    )


def _clean(lines: DataFrame) -> DataFrame:
    """Valid text in `value`, without byte-order mark; blank lines dropped; bad bytes in `_bad_bytes`."""
    received = F.col("value").cast("binary")
    text = F.decode(received, "UTF-8")
    is_bad = text.contains(_REPLACEMENT) & (F.encode(text, "UTF-8") != received)
    return lines.select(
        F.when(text.startswith(_BYTE_ORDER_MARK), F.substring(text, 2, _ANY_LENGTH)).otherwise(text).alias("value"),
        F.when(is_bad, F.base64(received)).alias("_bad_bytes"),
        "_path",
    ).where(F.trim("value") != "")


def _parse_csv(lines: DataFrame, feed: Feed, delimiter: str, headers: Sequence[str]) -> DataFrame:
    names = [f"c{i}" for i in range(len(headers))]
    schema = ", ".join(f"{name} string" for name in [*names, _CORRUPT])
    options = {
        "sep": delimiter,
        "quote": '"',
        "escape": '"',
        "nullValue": "\u0000",
        "emptyValue": "",
        "columnNameOfCorruptRecord": _CORRUPT,
    }
    rows = lines.where(~_is_header(delimiter, headers)).withColumn("_row", F.from_csv("value", schema, options))
    # Spark gives null for a field without quotes and content.
    values = {h: F.coalesce(F.col(f"_row.{name}"), F.lit("")) for h, name in zip(headers, names, strict=True)}
    error = F.when(F.col(f"_row.{_CORRUPT}").isNotNull(), F.lit(f"not {len(headers)} fields"))
    known, unknown = _split(values)
    rescued = {header: value for header, value in unknown.items() if normalize_header(header)}
    extra = F.to_json(F.struct(*(v.alias(h) for h, v in rescued.items()))) if rescued else F.lit(None)
    return _select(rows, feed, known, error, extra)


def _is_header(delimiter: str, headers: Sequence[str]) -> Column:
    """Whether a line is the header, ignoring quotes and spaces; a cheap condition first spares most lines the exact one."""
    squeezed = F.lower(F.regexp_replace("value", r"[\s\"\ufeff]", ""))
    is_same = squeezed == F.lit("".join(delimiter.join(headers).split()).replace('"', "").lower())
    return is_same if '"' in headers[0] else F.col("value").contains(headers[0].strip()) & is_same


def _parse_json(lines: DataFrame, feed: Feed, headers: Sequence[str]) -> DataFrame:
    rows = lines.withColumn("_row", F.from_json("value", "map<string,string>"))
    is_object = F.col("_row").isNotNull() & F.rtrim("value").endswith("}")
    error = F.when(~is_object, F.lit("not a JSON object"))
    spellings = _spellings(feed, headers)
    known = {column: F.coalesce(*(F.element_at("_row", name) for name in names)) for column, names in spellings.items()}
    used = [name for names in spellings.values() for name in names]
    others = F.map_filter("_row", lambda key, _: ~key.isin(used))
    return _select(rows, feed, known, error, F.when(F.size(others) > 0, F.to_json(others)))


def _spellings(feed: Feed, headers: Sequence[str]) -> dict[str, list[str]]:
    """Keys to look up per column: those seen, and the column's own name for keys that come later."""
    names: dict[str, list[str]] = {column: [column] for column in feed.columns}
    for header in headers:
        column = column_for_header(header)
        if column in names and header != column:
            names[column].insert(0, header)
    return names


def _elements(texts: DataFrame) -> DataFrame:
    """One row per element of a JSON array; a file that is not an array stays one (unparsable) row."""
    elements = F.from_json("value", "array<string>")
    return texts.select(
        F.explode(F.when(elements.isNull(), F.array("value")).otherwise(elements)).alias("value"), "_path"
    )


def _split(values: dict[str, Column]) -> tuple[dict[str, Column], dict[str, Column]]:
    known = {column: value for header, value in values.items() if (column := column_for_header(header))}
    unknown = {header: value for header, value in values.items() if column_for_header(header) is None}
    return known, unknown


def _select(rows: DataFrame, feed: Feed, known: dict[str, Column], error: Column, extra: Column) -> DataFrame:
    bad_bytes = F.col("_bad_bytes")
    fault = F.when(bad_bytes.isNotNull(), F.lit("invalid UTF-8")).otherwise(error)
    as_received = F.when(
        bad_bytes.isNotNull(), F.to_json(F.struct(F.col("value").alias("text"), bad_bytes.alias("base64")))
    ).otherwise(F.col("value"))
    missing = F.lit(None).cast("string")
    columns = [F.when(fault.isNull(), known[c]).alias(c) if c in known else missing.alias(c) for c in feed.columns]
    return rows.select(
        *columns,
        fault.alias("_parse_error"),
        F.when(fault.isNotNull(), as_received).otherwise(extra).cast("string").alias("_rescued_data"),
        "_path",
    )
