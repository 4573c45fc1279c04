"""Questions to the lake through delta-rs, no Spark."""

from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from deltalake import DeltaTable, write_deltalake
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from contract.errors import QueryError
from serving import lake_sql
from tests.support.released import released_tables


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
        ("SELEC 1", "one SELECT statement|not valid SQL"),
        ("SELECT (", "not valid SQL"),
        ("DELETE FROM gold.people", "one SELECT statement"),
        ("DROP TABLE gold.people", "one SELECT statement"),
        ("COPY (SELECT 1) TO '/tmp/x.csv'", "one SELECT statement"),
        ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/tmp/x'", "one SELECT statement"),
        ("SELECT * INTO gold.copied FROM gold.people", "only reads"),
        ("WITH gone AS (DELETE FROM gold.people RETURNING *) SELECT * FROM gone", "only reads"),
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


def test_newest_version_is_read(lake):
    place = str(lake / "gold" / "people")
    assert lake_sql.version(lake, "gold.people") == 1
    DeltaTable(place).delete("churn_flag = 1")
    assert lake_sql.version(lake, "gold.people") == 2
    assert lake_sql.row_count(lake, "gold.people") == 2


def test_deletion_vectors_are_respected(tmp_path):
    """Rows that Spark has marked as deleted, and left in their file, are not read, whatever the condition."""
    tables = {table.name for table in released_tables(tmp_path)}
    assert "silver.customers" in tables
    lake = tmp_path / "feeds" / "lake"
    place = lake / "silver" / "customers"
    files = {place / path for path in DeltaTable(str(place)).file_uris()}
    stored = [row["customer_id"] for file in files for row in pq.read_table(file, columns=["customer_id"]).to_pylist()]
    twice = {customer for customer, count in Counter(stored).items() if count > 1}
    assert twice, "the old rows of these are in a file still"
    for customer in twice:
        assert len(lake_sql.query(lake, f"SELECT * FROM silver.customers WHERE customer_id = '{customer}'")[1]) == 1
    assert lake_sql.row_count(lake, "silver.customers") == len(set(stored)) < len(stored)


def test_cleaned_log_stays_readable(lake):
    table = lake / "gold" / "people"
    DeltaTable(str(table)).create_checkpoint()
    (table / "_delta_log" / f"{0:020d}.json").unlink()
    assert "gold.people" in lake_sql.table_names(lake)
    assert lake_sql.row_count(lake, "gold.people") == 4


def test_damaged_log_is_named(lake):
    log = lake / "silver" / "places" / "_delta_log" / f"{0:020d}.json"
    log.write_text("{not json")
    with pytest.raises(QueryError, match=r"silver\.places cannot be opened"):
        lake_sql.query(lake, "SELECT * FROM silver.places")


@pytest.mark.parametrize("sql", ["SELECT city FROM gold.people;", "  select city\nfrom gold.people", "(SELECT 1 AS a)"])
def test_spelling_of_sql_is_free(lake, sql):
    assert lake_sql.query(lake, sql)[1]


def test_names_keep_their_case(lake):
    with pytest.raises(QueryError, match=r"no table GOLD\.people"):
        lake_sql.query(lake, "SELECT city FROM GOLD.people")


def test_one_table_may_join_itself(lake):
    sql = "SELECT count(*) FROM gold.people a JOIN gold.people b ON a.customer_id = b.customer_id"
    assert lake_sql.query(lake, sql)[1] == [(4,)]


def test_union_is_a_query(lake):
    sql = "SELECT city FROM gold.people WHERE churn_flag = 1 UNION SELECT city FROM silver.places ORDER BY 1"
    assert lake_sql.query(lake, sql)[1] == [("Bern",), ("Rome",)]


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT 1 FROM gold.people p", {"churn_gold.people"}),
        ("SELECT 1 FROM gold.people JOIN silver.places USING (city)", {"churn_gold.people", "churn_silver.places"}),
        ("WITH x AS (SELECT * FROM bronze.billing) SELECT * FROM x", {"churn_bronze.billing", ".x"}),
        ("SELECT 1 FROM other.people", {"other.people"}),
        ("SELECT 1 FROM people", {".people"}),
    ],
)
def test_athena_gets_its_databases(sql, tables):
    tree = sqlglot.parse_one(lake_sql.for_athena(sql, "churn_"), read="athena")
    assert {f"{table.db}.{table.name}" for table in tree.find_all(exp.Table)} == tables


def test_athena_gets_its_dialect():
    sql = lake_sql.for_athena("SELECT city::VARCHAR, 'it''s' AS t FROM gold.people LIMIT 3", "c_")
    assert "CAST(city AS VARCHAR)" in sql
    assert "'it''s'" in sql
    assert sql.endswith("LIMIT 3")


@pytest.mark.parametrize(
    "sql", ["DELETE FROM gold.people", "SELECT 1; DROP TABLE gold.people", "UPDATE gold.p SET a = 1"]
)
def test_athena_gets_questions_only(sql):
    with pytest.raises(QueryError, match="one SELECT statement"):
        lake_sql.for_athena(sql, "churn_")


@given(st.text(max_size=40))
def test_any_text_is_answered_or_refused(tmp_path_factory, sql):
    try:
        columns, rows = lake_sql.query(tmp_path_factory.getbasetemp(), sql)
    except QueryError:
        return
    assert all(len(row) == len(columns) for row in rows)
