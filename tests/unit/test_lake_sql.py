"""Questions to the lake through delta-rs, no Spark."""

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from local import lake_sql
from transforms.errors import QueryError


@pytest.fixture
def lake(tmp_path):
    people = pa.table({"customer_id": ["a", "b", "c"], "churn_flag": [1, 0, 1], "city": ["Rome", None, "Bern"]})
    write_deltalake(str(tmp_path / "gold" / "people"), people)
    write_deltalake(
        str(tmp_path / "gold" / "people"),
        pa.table({"customer_id": ["d"], "churn_flag": [0], "city": ["Rome"]}),
        mode="append",
    )
    write_deltalake(str(tmp_path / "silver" / "places"), pa.table({"city": ["Rome", "Bern"], "country": ["IT", "CH"]}))
    (tmp_path / "bronze" / "not a table").mkdir(parents=True)
    (tmp_path / "bronze" / "never committed" / "_delta_log").mkdir(parents=True)
    return tmp_path


def test_tables_are_listed_by_layer(lake):
    assert lake_sql.table_names(lake) == ["silver.places", "gold.people"]
    assert lake_sql.version(lake, "gold.people") == 1
    assert lake_sql.row_count(lake, "gold.people") == 4


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT count(*) AS n FROM gold.people", [(4,)]),
        ("SELECT sum(churn_flag) FROM gold.people WHERE city = 'Rome'", [(1,)]),
        (
            "SELECT p.customer_id, s.country FROM gold.people p JOIN silver.places s ON p.city = s.city ORDER BY 1",
            [("a", "IT"), ("c", "CH"), ("d", "IT")],
        ),
        ("WITH x AS (SELECT city FROM gold.people) SELECT count(city) FROM x", [(3,)]),
        ("SELECT customer_id FROM gold.people WHERE city IN (SELECT city FROM silver.places WHERE country='CH')", [("c",)]),
        ("SELECT people.customer_id FROM gold.people ORDER BY 1 DESC LIMIT 1", [("d",)]),
        ("SELECT 1 AS a, 'x' AS b", [(1, "x")]),
    ],
)  # fmt: skip
def test_questions_and_answers(lake, sql, expected):
    assert lake_sql.query(lake, sql)[1] == expected


def test_columns_are_named(lake):
    columns, _ = lake_sql.query(lake, "SELECT city AS where_from, churn_flag FROM gold.people")
    assert columns == ["where_from", "churn_flag"]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM gold.nothing", "there is no table gold.nothing"),
        ("SELECT * FROM copper.people", "there is no table copper.people"),
        ("SELECT nothing FROM gold.people", "the query failed"),
        ("SELEC 1", "one SELECT statement|no SQL"),
        ("SELECT (", "no SQL"),
        ("DELETE FROM gold.people", "one SELECT statement"),
        ("DROP TABLE gold.people", "one SELECT statement"),
        ("SELECT 1; SELECT 2", "one SELECT statement"),
        ("", "one SELECT statement"),
    ],
)
def test_a_wrong_question_is_explained(lake, sql, words):
    with pytest.raises(QueryError, match=words):
        lake_sql.query(lake, sql)


def test_an_unknown_table_s_message_says_what_there_is(lake, tmp_path_factory):
    with pytest.raises(QueryError, match=r"silver\.places, gold\.people"):
        lake_sql.query(lake, "SELECT 1 FROM gold.kpis")
    with pytest.raises(QueryError, match="churn run"):
        lake_sql.query(tmp_path_factory.mktemp("empty"), "SELECT 1 FROM gold.kpis")
