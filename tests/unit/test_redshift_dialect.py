import pytest

from local.redshift.copy import parse_copy
from local.redshift.dialect import RedshiftSyntaxError, rewrite


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
