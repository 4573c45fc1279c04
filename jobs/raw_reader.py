"""Read the lines of raw files with Spark."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contract.feeds import Feed
from lake.landing import RawFile
from transforms.bronze import parse, with_lineage

_GLOB = re.compile(r"([\[\]{}*?\\])")
_FILE_COLUMNS = "_path string, _source_file string, _source_checksum string, _file_event_at timestamp"


def read_feed(
    session: SparkSession, feed: Feed, files: Sequence[RawFile], batch_id: int, ingested_at: datetime
) -> DataFrame:
    """Return the bronze rows of `files`, all of one feed; files of one layout are read together."""
    layouts: dict[tuple[str, str, tuple[str, ...]], list[RawFile]] = defaultdict(list)
    for file in files:
        layouts[(file.format, file.delimiter, file.headers)].append(file)
    parsed = [
        parse(_lines(session, group, whole=layout[0] == "json_array"), feed, *layout)
        for layout, group in layouts.items()
    ]
    rows = reduce(DataFrame.unionByName, parsed)
    return with_lineage(rows, feed, _file_frame(session, files), batch_id, ingested_at)


def _lines(session: SparkSession, files: Iterable[RawFile], *, whole: bool) -> DataFrame:
    paths = [_GLOB.sub(r"\\\1", file.uri) for file in files]
    # Spark gives the path URL-encoded, but leaves a plus sign as it is.
    decoded = F.url_decode(F.replace(F.col("_metadata.file_path"), F.lit("+"), F.lit("%2B")))
    path = F.regexp_replace(F.regexp_replace(decoded, "^file:/+", "/"), "^s3a://", "s3://")
    return session.read.text(paths, wholetext=whole).select("value", path.alias("_path"))


def _file_frame(session: SparkSession, files: Iterable[RawFile]) -> DataFrame:
    rows = [(f.uri, f.path, f.checksum, datetime.fromisoformat(f.event_at)) for f in files]
    return session.createDataFrame(rows, _FILE_COLUMNS)
