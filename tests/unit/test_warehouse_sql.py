"""The SQL of a load, for the real gold schema, read by the stand-in's own translator."""

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from contract.metrics import CONDITIONS, METRICS
from contract.tables import TABLES
from infrastructure.local.redshift.dialect import rewrite
from lake.exports import ExportColumn, export_columns
from serving.warehouse import sql

COLUMNS = export_columns(TABLES["gold.customer_churn_analysis"].schema)


def _column(name="c", kind="string", *, nullable=True, comment="meaning", max_bytes=256):
    return ExportColumn(name, kind, nullable, comment, max_bytes)


@pytest.mark.parametrize(
    "statement",
    [
        sql.create_target("public", COLUMNS),
        *sql.comments("public", COLUMNS),
        sql.create_audit("public"),
        *(
            statement
            for view in sql.views("public", [column.name for column in COLUMNS])
            for statement in view.statements
        ),
        sql.view_comments("public"),
        sql.find_schema("mart"),
        sql.create_schema("mart"),
        sql.search_path("mart"),
        sql.find_group("bi readers"),
        sql.create_group("bi readers"),
        *sql.grants("public", "bi readers"),
        sql.create_staging(COLUMNS),
        sql.add_column("public", COLUMNS[1]),
        sql.copy_staging("s3://bucket/manifest.json", "arn:aws:iam::000000000000:role/x"),
        sql.delete_replaced("public", is_full=True),
        sql.delete_replaced("public", is_full=False),
        sql.insert_staged("public", COLUMNS),
        sql.existing_columns("public"),
        sql.last_load("public"),
        sql.count("public.t"),
    ],
)
def test_every_statement_is_redshift_s(statement):
    rewritten = rewrite(statement)
    assert rewritten.sql or rewritten.copy


@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        ("string", "VARCHAR(256)"),
        ("int", "INTEGER"),
        ("bigint", "BIGINT"),
        ("boolean", "BOOLEAN"),
        ("double", "DOUBLE PRECISION"),
        ("timestamp", "TIMESTAMP"),
        ("decimal(14,2)", "DECIMAL(14,2)"),
    ],
)
def test_types(kind, declared):
    assert f"  c {declared},\n" in sql.create_target("public", [_column(kind=kind)])


def test_every_gold_column_is_declared_once_in_order():
    ddl = sql.create_target("public", COLUMNS)
    places = [ddl.index(f"  {column.name} ") for column in COLUMNS]
    assert places == sorted(places)
    assert all(f"COLUMN public.{sql.TARGET}.{c.name} IS" in line for c, line in zip(COLUMNS, sql.comments("public", COLUMNS), strict=True))  # fmt: skip


def test_keys_must_be_there():
    ddl = sql.create_target("public", COLUMNS)
    assert "customer_id VARCHAR(256) NOT NULL,\n" in ddl
    assert "risk_segment VARCHAR(256) NOT NULL,\n" in ddl
    assert "city VARCHAR(800),\n" in ddl


def test_redshift_chooses_distribution_sort_key_and_encodings():
    """One that is named, also for a single column, ends the choice for the whole table."""
    for statement in (sql.create_target("public", COLUMNS), *(sql.add_column("public", column) for column in COLUMNS)):
        assert not [word for word in ("DISTSTYLE", "DISTKEY", "SORTKEY", "ENCODE") if word in statement]


def test_a_comment_cannot_end_its_string():
    (comment,) = sql.comments("public", [_column(comment="it's; DROP TABLE x --")])
    assert comment.endswith("IS 'it''s; DROP TABLE x --'")
    assert "''" in sql.copy_staging("s3://b/o'brien", "r")


def test_the_staging_table_has_the_files_columns():
    staging = sql.create_staging([_column("a"), _column("b", "int")])
    assert staging == f"CREATE TEMP TABLE {sql.STAGING} (a VARCHAR(256), b INTEGER, _op VARCHAR(1))"


def test_changes_replace_their_keys_only():
    assert "USING" not in sql.delete_replaced("public", is_full=True)
    assert f"USING {sql.STAGING}" in sql.delete_replaced("public", is_full=False)
    assert "_op = 'U'" in sql.insert_staged("public", COLUMNS)


words = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=30)
HOSTILE = ("o'brien", "'; DROP TABLE x; --", "''", "a\\'b", 'say "yes"')
KINDS = ("string", "int", "bigint", "boolean", "double", "timestamp", "date", "decimal(10,2)")


def _literals(statement):
    """The texts of a statement, by the rules of SQL: two quotes inside mean one."""
    tokens = sqlglot.tokenize(statement, read="redshift")
    return [token.text for token in tokens if token.token_type == sqlglot.TokenType.STRING]


@given(words.filter(lambda text: "\\" not in text))
def test_comment_stays_one_text(comment):
    (statement,) = sql.comments("public", [_column(comment=comment)])
    assert _literals(statement) == [comment]


@pytest.mark.parametrize("name", HOSTILE)
def test_quotes_in_places_are_doubled(name):
    copy = sql.copy_staging(f"s3://bucket/{name}", f"role/{name}")
    assert copy.count(name.replace("'", "''")) == 2
    assert copy.endswith("FORMAT AS PARQUET MANIFEST")
    assert sql.find_group(name).endswith("= '" + name.replace("'", "''") + "'")


@pytest.mark.parametrize("name", HOSTILE)
def test_group_stays_one_identifier(name):
    quoted = '"' + name.replace('"', '""') + '"'
    assert sql.create_group(name) == f"CREATE GROUP {quoted}"
    assert all(statement.endswith(f" TO GROUP {quoted}") for statement in sql.grants("public", name))


@pytest.mark.parametrize("kind", KINDS)
def test_added_column_is_declared_like_table(kind):
    column = _column(kind=kind)
    declared = sql.create_target("public", [column]).split("(\n  ", 1)[1].split(",\n", 1)[0]
    assert sql.add_column("public", column).endswith(f"ADD COLUMN {declared}")
    assert f"c {declared.split(' ENCODE ')[0].removeprefix('c ')}" in sql.create_staging([column])


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_is_translated(kind):
    assert rewrite(sql.create_target("public", [_column("customer_id"), _column(kind=kind)])).sql
    assert rewrite(sql.add_column("public", _column(kind=kind))).sql


def test_unknown_type_is_no_column():
    with pytest.raises(KeyError, match="array<string>"):
        sql.create_target("public", [_column(kind="array<string>")])


def test_added_column_may_be_null():
    assert "NOT NULL" not in sql.add_column("public", _column(nullable=False))


@pytest.mark.parametrize("schema", ["public", "churn"])
def test_statements_stay_in_their_schema(schema):
    statements = [
        sql.create_target(schema, COLUMNS), sql.create_audit(schema), sql.insert_staged(schema, COLUMNS),
        sql.delete_replaced(schema, is_full=True), sql.last_load(schema), sql.add_column(schema, COLUMNS[0]),
        *sql.comments(schema, COLUMNS), *(text for view in sql.views(schema, ["a"]) for text in view.statements),
    ]  # fmt: skip
    assert all(f" {schema}." in statement for statement in statements)
    assert f"'{schema}'" in sql.existing_columns(schema)
    assert f"'{schema}'" in sql.view_comments(schema)


def test_views_show_every_figure():
    customers, figures = sql.views("public", ["customer_id", "churn_flag"])
    shown = [item.alias_or_name for item in sqlglot.parse_one(customers.query, read="redshift").expressions]
    assert shown == ["customer_id", "churn_flag", *(condition.column for condition in CONDITIONS)]
    named = [item.alias_or_name for item in sqlglot.parse_one(figures.query, read="redshift").expressions]
    assert named == list(METRICS)
    assert {table.name for table in sqlglot.parse_one(figures.query).find_all(exp.Table)} == {sql.TARGET}


def test_view_is_dropped_before_made():
    view = sql.View("public", "v", "What it's for.", "SELECT 1 AS a")
    drop, create, comment = view.statements
    assert drop == "DROP VIEW IF EXISTS public.v"
    assert create == "CREATE VIEW public.v AS SELECT 1 AS a"
    assert _literals(comment) == [view.comment]


def test_comment_changes_with_the_query():
    one = sql.View("public", "v", "Same words.", "SELECT 1 AS a")
    other = sql.View("public", "v", "Same words.", "SELECT 2 AS a")
    assert one.comment != other.comment
    assert one.comment == sql.View("public", "v", "Same words.", "SELECT 1 AS a").comment


def test_audit_takes_seven_values():
    assert sql.insert_audit("public").count("%s") == 7
    columns = sql.create_audit("public").split("(", 1)[1]
    assert columns.count(" NOT NULL") == 6 + 2
