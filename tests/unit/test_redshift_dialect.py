"""Redshift's SQL in PostgreSQL's words: what is refused, dropped, limited and passed on."""

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from infrastructure.local.redshift.copy import parse_copy
from infrastructure.local.redshift.dialect import RedshiftSyntaxError, RewrittenStatement, rewrite


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t (a VARCHAR(5) ENCODE banana)",
        "SELEKT 1",
        "FROBNICATE TABLE t",
        "SELECT 1; SELECT 2",
        "COPY t FROM 's3://b/m' FORMAT PARQUET MANIFEST",
        "COPY t FROM 's3://b/m' IAM_ROLE 'r' FORMAT PARKET MANIFEST",
        "COPY t FROM 's3://b/m' IAM_ROLE 'r' FORMAT PARQUET MANIFEST MAXERROR 5",
        "COPY t FROM 's3://b/m' IAM_ROLE 'r' FORMAT PARQUET MANIFEST REGION 'x'",
        "COPY t FROM 's3://b/m' IAM_ROLE 'r' FORMAT PARQUET",
    ],
)
def test_what_redshift_rejects_is_rejected(statement):
    with pytest.raises(RedshiftSyntaxError):
        rewrite(statement)


def test_hexadecimal_digits_are_read():
    """STRTOL of Redshift; only base 16 is used, and known."""
    assert rewrite("SELECT STRTOL(SUBSTRING(MD5(a), 1, 8), 16) FROM t").sql == (
        "SELECT CAST(CAST(('x' || LPAD(SUBSTRING(MD5(a) FROM 1 FOR 8), 16, '0')) AS BIT(64)) AS BIGINT) FROM t"
    )
    with pytest.raises(RedshiftSyntaxError, match="base 16"):
        rewrite("SELECT STRTOL(a, 8) FROM t")


def test_keys_and_physical_properties_are_dropped():
    ddl = (
        "CREATE TABLE t (id VARCHAR(5) NOT NULL ENCODE ZSTD, PRIMARY KEY (id)) DISTSTYLE KEY DISTKEY (id) SORTKEY (id)"
    )
    sql = rewrite(ddl).sql.upper()
    assert not any(word in sql for word in ("PRIMARY", "DIST", "SORT", "ENCODE"))
    assert "OCTET_LENGTH" in sql
    assert "NOT NULL" in sql


def test_a_copy_statement_is_taken_apart():
    plan = parse_copy("COPY s.t (a, b) FROM 's3://b/m' IAM_ROLE 'r' FORMAT AS PARQUET MANIFEST")
    assert (plan.table, plan.columns, plan.manifest) == ("s.t", ("a", "b"), "s3://b/m")


def test_truncate_commits():
    assert rewrite("TRUNCATE TABLE t").commits
    assert not rewrite("DELETE FROM t").commits


names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).map(lambda name: f"c_{name}")
PROPERTIES = ("", "DISTSTYLE ALL", "DISTSTYLE KEY DISTKEY ({0})", "SORTKEY ({0})", "DISTKEY ({0}) SORTKEY ({0})")


def _checks(sql):
    """The limits in bytes of a translated statement, by column."""
    found = {}
    for column in sqlglot.parse_one(sql, read="postgres").find_all(exp.ColumnDef):
        for check in column.find_all(exp.CheckColumnConstraint):
            found[column.name] = int(check.find(exp.Literal).name)
    return found


@given(
    st.dictionaries(names, st.integers(1, 65535), min_size=1, max_size=4),
    st.sampled_from(PROPERTIES),
    st.sampled_from(["", " ENCODE ZSTD", " NOT NULL ENCODE raw"]),
)
def test_text_columns_count_bytes(columns, properties, options):
    definitions = ", ".join(f"{name} VARCHAR({size}){options}" for name, size in columns.items())
    sql = rewrite(f"CREATE TABLE t ({definitions}) {properties.format(next(iter(columns)))}").sql
    assert _checks(sql) == columns
    assert sql.count("NOT NULL") == (len(columns) if "NOT NULL" in options else 0)


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("BIGINT", "BIGINT"),
        ("DECIMAL(14,2)", "DECIMAL(14, 2)"),
        ("DOUBLE PRECISION", "DOUBLE PRECISION"),
        ("TIMESTAMP", "TIMESTAMP"),
        ("BOOLEAN", "BOOLEAN"),
        ("DATE", "DATE"),
    ],
)
def test_other_types_stay(kind, kept):
    assert rewrite(f"CREATE TABLE t (c {kind} ENCODE AZ64)").sql == f"CREATE TABLE t (c {kept})"


def test_added_column_counts_bytes():
    sql = rewrite("ALTER TABLE public.t ADD COLUMN city VARCHAR(800) ENCODE ZSTD").sql
    assert "OCTET_LENGTH(city) <= 800" in sql.upper().replace("CITY", "city")
    assert "ENCODE" not in sql


@pytest.mark.parametrize("encoding", ["az64", "ZSTD", "raw", "bytedict", "text255"])
def test_known_encodings_are_taken(encoding):
    assert rewrite(f"CREATE TABLE t (a INTEGER ENCODE {encoding})").sql == "CREATE TABLE t (a INT)"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TABLE t (a INTEGER ENCODE banana)", "invalid encoding type specified: banana"),
        ("ALTER TABLE t ADD COLUMN a INTEGER ENCODE banana", "invalid encoding type specified: banana"),
        ("FROBNICATE TABLE t", "syntax error"),
        ("SELECT 1; SELECT 2", "multiple commands"),
        ("SELECT 'open", "syntax error"),
        ("COPY t FROM 's3://b/m' FORMAT PARQUET MANIFEST", "IAM_ROLE is missing"),
        ("COPY t 's3://b/m'", "syntax error in COPY"),
        ("COPY t FROM 's3://b/m' IAM_ROLE 'r' FORMAT PARQUET MANIFEST REGION 'x'", "option not supported.*REGION"),
    ],
)
def test_refusal_says_what_is_wrong(statement, words):
    with pytest.raises(RedshiftSyntaxError, match=words):
        rewrite(statement)


@pytest.mark.parametrize(
    "statement",
    ["BEGIN", "begin transaction", "COMMIT", "ROLLBACK", "SET search_path TO churn", "SHOW server_version", ""],
)
def test_session_words_pass_unchanged(statement):
    assert rewrite(f" {statement};") == RewrittenStatement(statement)


@pytest.mark.parametrize("statement", ["CREATE GROUP readers", 'create group "bi readers"'])
def test_groups_pass_unchanged(statement):
    assert rewrite(statement).sql == statement


@pytest.mark.parametrize("statement", ["CREATE GROUP a; DROP TABLE t", "CREATE GROUP a b c", "CREATE GROUP"])
def test_more_than_group_is_refused(statement):
    with pytest.raises(RedshiftSyntaxError):
        rewrite(statement)


def test_functions_take_their_new_names():
    assert "CURRENT_TIMESTAMP" in rewrite("INSERT INTO t VALUES (GETDATE())").sql.upper()
    assert rewrite("SELECT NVL(a, 0) FROM t").sql == "SELECT COALESCE(a, 0) FROM t"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\\0"), max_size=20))
def test_texts_survive_translation(text):
    quoted = text.replace("'", "''")
    sql = rewrite(f"SELECT '{quoted}' AS t").sql
    (literal,) = sqlglot.parse_one(sql, read="postgres").find_all(exp.Literal)
    assert literal.this == text


def test_temporary_tables_stay_temporary():
    assert rewrite("CREATE TEMP TABLE s (a INTEGER)").sql == "CREATE TEMPORARY TABLE s (a INT)"


def test_copy_runs_here_only():
    rewritten = rewrite("COPY s.t FROM 's3://b/m' IAM_ROLE 'r' FORMAT AS PARQUET MANIFEST;")
    assert rewritten.sql == ""
    assert rewritten.copy == parse_copy("COPY s.t FROM 's3://b/m' IAM_ROLE default FORMAT PARQUET MANIFEST")
    assert not rewritten.commits
