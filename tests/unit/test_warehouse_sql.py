"""The SQL of a load, for the real gold schema, read by the stand-in's own translator."""

import pytest

from local.redshift.dialect import rewrite
from tasks import warehouse_sql as sql
from transforms.exports import ExportColumn
from transforms.jobs.export import export_columns

COLUMNS = export_columns()


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
    assert f"c {declared} ENCODE" in sql.create_target("public", [_column(kind=kind)])


def test_every_gold_column_is_declared_once_in_order():
    ddl = sql.create_target("public", COLUMNS)
    places = [ddl.index(f"  {column.name} ") for column in COLUMNS]
    assert places == sorted(places)
    assert all(f"COLUMN public.{sql.TARGET}.{c.name} IS" in line for c, line in zip(COLUMNS, sql.comments("public", COLUMNS), strict=True))  # fmt: skip


def test_keys_are_not_compressed_and_must_be_there():
    ddl = sql.create_target("public", COLUMNS)
    assert "customer_id VARCHAR(256) NOT NULL ENCODE RAW" in ddl
    assert "risk_segment VARCHAR(256) NOT NULL ENCODE RAW" in ddl
    assert "city VARCHAR(800) ENCODE ZSTD" in ddl


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
