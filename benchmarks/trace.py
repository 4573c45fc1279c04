"""`churn trace` on lakes of several sizes: python -m benchmarks.trace

Tables with the declared columns and random values, written without Spark: a full load of three feeds and days on which 1 %
of the customers change. Prints the rows for docs/performance.md: the whole command in a new process, and its work alone, the
median and the maximum over several customers. Files of the page cache are warm.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from deltalake import write_deltalake

from contract.columns import KEY
from contract.tables import TABLES
from lake.deliveries import Deliveries
from lake.storage import open_folder
from serving.trace.customer import trace
from tests.support.lake_tables import arrow_schema
from tests.support.records import GOOD

_SIZES = (100_000, 1_000_000, 10_000_000)
_FEEDS = ("demographics", "services", "billing")
_DAYS = 30
_TRACED = 7
_CHUNK = 1_000_000
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_ID_LIMIT = 10**12
_Numbers = npt.NDArray[np.int64]


def _ids(numbers: _Numbers) -> pa.Array:
    """Ids without an order that a file's statistics could use."""
    return pa.array([f"{number * 7_919_999 % _ID_LIMIT:012d}" for number in numbers.tolist()])


def _column(field: pa.Field, rows: int, fixed: dict[str, object], random: np.random.Generator) -> pa.Array:
    if field.name in fixed:
        return pa.repeat(pa.scalar(fixed[field.name], field.type), rows)
    if pa.types.is_string(field.type):
        if field.name.endswith("charges"):
            return pa.array(random.uniform(20, 9000, rows).round(2).astype(str))
        words = pa.array([GOOD.get(field.name, "Los Angeles"), "Yes", "No"], pa.string())
        return words.take(pa.array(random.integers(0, 3, rows)))
    if pa.types.is_timestamp(field.type):
        return pa.repeat(pa.scalar(_FIRST, field.type), rows)
    if pa.types.is_boolean(field.type):
        return pa.array(random.integers(0, 2, rows)).cast(pa.bool_())
    if pa.types.is_nested(field.type):
        return pa.nulls(rows, field.type)
    return pa.array(random.integers(0, 72, rows), pa.int8()).cast(field.type)


def _append(lake: Path, table: str, numbers: _Numbers, batch: int) -> None:
    """Append rows of these customers, as of one file of one batch."""
    random = np.random.default_rng(batch)
    at = _FIRST + timedelta(days=batch - 1)
    nulls = dict.fromkeys(("_parse_error", "_rescued_data", "_operation", "_sequence"))
    fixed = {
        **nulls,
        "_batch_id": batch,
        "_source_file": f"{at:%Y-%m-%d}.csv",
        "_file_event_at": at,
        "updated_at": None,
    }
    schema = arrow_schema(table)
    columns = [
        _ids(numbers)
        if field.name == KEY
        else pa.array(range(1, len(numbers) + 1), pa.int64())
        if field.name == "_position"
        else _column(field, len(numbers), fixed, random)
        for field in schema
    ]
    write_deltalake(str(lake / TABLES[table].path), pa.Table.from_arrays(columns, schema=schema), mode="append")


def _chunks(customers: int) -> Iterator[_Numbers]:
    order = np.random.default_rng(0).permutation(customers)
    yield from np.array_split(order, max(1, customers // _CHUNK))


def _make(lake: Path, customers: int) -> None:
    for feed in _FEEDS:
        for numbers in _chunks(customers):
            _append(lake, f"bronze.{feed}", numbers, 1)
        for day in range(2, _DAYS + 1):
            _append(lake, f"bronze.{feed}", np.arange(day, customers, 100), day)
    for table in ("silver.customers", "gold.customer_churn_analysis"):
        for numbers in _chunks(customers):
            _append(lake, table, numbers, 1)
    Deliveries(open_folder(lake)).write((), _DAYS)


def row(lake: Path, customers: int) -> str:
    """Return one line of the table for a number of customers."""
    _make(lake, customers)
    traced = [_ids(np.array([number]))[0].as_py() for number in np.linspace(1, customers - 1, _TRACED, dtype=int)]
    commands, works = [], []
    for customer in traced:
        began = time.perf_counter()
        command = [sys.executable, "-m", "cli", "trace", customer, "--no-warehouse", "--json", "--lake", str(lake)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        commands.append(time.perf_counter() - began)
        began = time.perf_counter()
        found = trace(lake, customer)
        works.append(time.perf_counter() - began)
        assert len(found.records) >= len(_FEEDS)
    size = sum(file.stat().st_size for file in lake.rglob("*.parquet")) / 1e6
    rows = len(_FEEDS) * (customers + (_DAYS - 1) * customers // 100)
    return (
        f"| {customers:,} | {rows:,} | {size:,.0f} | {statistics.median(commands):.2f} | {max(commands):.2f} "
        f"| {statistics.median(works):.2f} | {max(works):.2f} |"
    )


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=_SIZES)
    options = parser.parse_args()
    print(
        "| customers | rows of bronze | tables, MB | command, s (median) | longest, s | work, s (median) | longest, s |"
    )
    print("|---|---|---|---|---|---|---|")
    for customers in options.customers:
        with tempfile.TemporaryDirectory() as folder:
            print(row(Path(folder), customers), flush=True)


if __name__ == "__main__":
    main()
