"""A few rows of gold in SQLite: an engine that is none of ours, to ask figures of."""

import re
import sqlite3
from typing import Any

from hypothesis import strategies as st

COLUMNS = ("customer_id", "churn_flag", "monthly_charges", "cltv", "source_cltv", "source_churn_score", "churn_reason")
_AMOUNT = st.none() | st.integers(0, 10_000)
ROWS = st.lists(
    st.tuples(
        st.text("abc", min_size=1, max_size=3),
        st.sampled_from([0, 1]),
        _AMOUNT,
        _AMOUNT,
        _AMOUNT,
        st.none() | st.integers(60, 80),
        st.sampled_from(["Moved", None]),
    ),
    max_size=12,
)


def ask(rows: list[tuple[Any, ...]], *expressions: str) -> tuple[Any, ...]:
    """The values of aggregate expressions over the rows."""
    with sqlite3.connect(":memory:") as connection:
        connection.create_function("ZN", 1, lambda value: value or 0)
        connection.execute(f"CREATE TABLE gold ({', '.join(COLUMNS)})")
        connection.executemany(f"INSERT INTO gold VALUES ({', '.join('?' * len(COLUMNS))})", rows)
        return connection.execute(f"SELECT {', '.join(expressions)} FROM gold").fetchone()


def from_tableau(formula: str) -> str:
    """Tableau's formula in SQLite's words: IF is CASE WHEN, and texts stand in single quotes."""
    return re.sub(r"\bIF\b", "CASE WHEN", formula).replace('"', "'")
