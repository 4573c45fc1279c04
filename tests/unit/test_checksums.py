"""Checksums: what they see, and that they are the same in two engines."""

import hashlib
import sqlite3
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.schema import Field, required
from contract.schemas.gold import ANALYSIS
from lake.checksums import REDSHIFT, ROW_HASH, ROWS, SPARK, Engine, checksum_sql, checksums, differences

FIELDS = (required("customer_id", "string", "Key"), Field("city", "string", "City"), Field("months", "int", "Months"))
NAMES = [ROWS, ROW_HASH, "customer_id", "city", "months", "months.sum"]
ROW = st.tuples(st.text("ab|~", max_size=3), st.none() | st.text("ab|~ü", max_size=3), st.none() | st.integers(-9, 9))
SQLITE = Engine("TEXT", "UNHEXED({})")


def _in_sqlite(rows):
    with sqlite3.connect(":memory:") as connection:
        connection.create_function("MD5", 1, lambda text: hashlib.md5(text.encode()).hexdigest())
        connection.create_function("UNHEXED", 1, lambda digits: int(digits, 16))
        connection.execute("CREATE TABLE gold (customer_id, city, months)")
        connection.executemany("INSERT INTO gold VALUES (?, ?, ?)", rows)
        found = connection.execute(f"SELECT {', '.join(checksum_sql(FIELDS, SQLITE))} FROM gold").fetchone()
    return checksums(FIELDS, found)


def _by_hand(rows):
    def digest(row):
        text = "|".join("~" if value is None else str(value) for value in row)
        return int(hashlib.md5(text.encode()).hexdigest()[:8], 16)

    counts = [sum(row[i] is not None for row in rows) for i in range(3)]
    values = (len(rows), sum(map(digest, rows)), *counts, sum(row[2] or 0 for row in rows))
    return {name: str(value) for name, value in zip(NAMES, values, strict=True)}


@given(st.lists(ROW, max_size=8))
def test_sql_counts_like_the_rules_by_hand(rows):
    assert _in_sqlite(rows) == _by_hand(rows)


@given(st.lists(ROW, max_size=8), st.randoms())
def test_order_of_rows_changes_nothing(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert differences(_in_sqlite(rows), _in_sqlite(shuffled)) == []


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        ([("a", "Bern", 1)], [ROWS, ROW_HASH, "customer_id", "city", "months", "months.sum"]),
        ([("a", "Bern", 1), ("b", "Rome", 3)], [ROW_HASH, "months.sum"]),
        ([("a", "Bern", 1), ("b", "Oslo", 2)], [ROW_HASH]),
        ([("a", "Rome", 1), ("b", "Bern", 2)], [ROW_HASH]),
        ([("a", "Bern", 2), ("b", "Rome", 1)], [ROW_HASH]),
        ([("a", "Bern", 1), ("b", None, 2)], [ROW_HASH, "city"]),
        ([("a", "Bern", 1), ("b", "~", 2)], [ROW_HASH]),
        ([("b", "Rome", 2), ("a", "Bern", 1)], []),
    ],
)
def test_changes_are_seen(changed, seen):
    assert differences(_in_sqlite([("a", "Bern", 1), ("b", "Rome", 2)]), _in_sqlite(changed)) == seen


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "0"), (0, "0"), (Decimal("0.00"), "0"), (Decimal("12.50"), "12.5"), (Decimal("1200"), "1200"), (-7, "-7")],
)
def test_numbers_read_alike_whatever_their_scale(value, text):
    assert checksums((FIELDS[2],), (1, 2, 3, value))["months.sum"] == text


@pytest.mark.parametrize("engine", [SPARK, REDSHIFT], ids=["Spark", "Redshift"])
def test_gold_is_covered_whole(engine):
    """A type of which only the number of values is compared would be named here."""
    row_hash = checksum_sql(list(ANALYSIS), engine)[1]
    assert [field.name for field in ANALYSIS if field.name not in row_hash] == []
