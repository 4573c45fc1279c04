"""What the tables of a lake have of one customer, read without Spark."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.columns import KEY
from contract.errors import QueryError
from contract.feeds import FEEDS, GROUPS
from serving.lake_sql import query, table_names
from transforms.received_value import customer_key

Row = Mapping[str, Any]


@dataclass(frozen=True)
class CustomerRows:
    """The rows of a customer by table, those of bronze by feed. `unidentified` are quarantined ones without a readable id that
    name this one somewhere.
    """

    bronze: Mapping[str, list[Row]]
    silver: Row | None
    tombstones: list[Row]
    quarantine: list[Row]
    unidentified: list[Row]
    gold: Row | None
    movements: list[Row]


def read_rows(lake: Path, customer_id: str) -> CustomerRows:
    """Return the rows of the customer with this clean id. Raises QueryError, also for silver of an earlier release."""
    known = table_names(lake)
    if not known:
        raise QueryError(f"there are no tables in {lake}. Make them with: churn run")

    def rows(table: str, condition: str) -> list[Row]:
        return _rows(lake, f"SELECT * FROM {table} WHERE {condition}") if table in known else []

    his = f"{KEY} = {_quoted(customer_id)}"
    silver = next(iter(rows("silver.customers", his)), None)
    if silver is not None and any(group.event_column not in silver for group in GROUPS):
        raise QueryError(f"silver.customers in {lake} is of an earlier release. Build it again with: churn run")
    quarantine = rows(
        "silver.quarantine", f"{his} OR ({KEY} IS NULL AND strpos(raw_record, {_quoted(customer_id)}) > 0)"
    )
    return CustomerRows(
        bronze={feed: _received(rows(f"bronze.{feed}", _may_be(customer_id)), customer_id) for feed in FEEDS},
        silver=silver,
        tombstones=rows("silver.tombstones", his),
        quarantine=sorted((row for row in quarantine if row[KEY] is not None), key=_arrival),
        unidentified=sorted(
            (row for row in quarantine if row[KEY] is None and _names(row["raw_record"], customer_id)), key=_arrival
        ),
        gold=next(iter(rows("gold.customer_churn_analysis", his)), None),
        movements=sorted(rows("gold.customer_movements", his), key=lambda row: row["source_version"]),
    )


def _arrival(row: Row) -> tuple[int, str, str]:
    return row["batch_id"], row["source_file"], row["record_id"]


def _rows(lake: Path, sql: str) -> list[Row]:
    columns, rows = query(lake, sql)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _may_be(customer_id: str) -> str:
    r"""SQL of whether a received id may be his: as it is, or with something that `customer_key` takes off or replaces.

    What it takes off makes an id longer. A length is compared in less time than a pattern, and nearly always decides.
    """
    size = len(customer_id.encode())
    is_plain = re.fullmatch("[!-~]*", customer_id) is not None
    longer = f"octet_length({KEY}) > {size if is_plain else size - 1}"
    return rf"{KEY} = {_quoted(customer_id)} OR ({longer} AND {KEY} ~ '[^!-~]|\.0$')"


def _received(rows: list[Row], customer_id: str) -> list[Row]:
    """Those that have his id."""
    return [row for row in rows if customer_key(row[KEY]) == customer_id]


def _names(text: str, customer_id: str) -> bool:
    return re.search(rf"(?<![0-9A-Za-z]){re.escape(customer_id)}(?![0-9A-Za-z])", text) is not None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
