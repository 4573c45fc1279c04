"""`churn query --on warehouse` through AWS's Data API, and the same questions on a connection side by side."""

import json
import time

import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from blocks.aws import aws_client
from blocks.glue import GlueJob
from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from cli import warehouse_query
from contract.errors import PlatformError, QueryError, WarehouseError
from infrastructure.aws.data_api import DataApi
from infrastructure.local.redshift.account import USER
from serving.warehouse.statements import execute
from tests.cloud.conftest import PASSWORD
from tests.cloud.data_api import PAGE_ROWS, DataApiService
from tests.cloud.stand_in import first, json_error

EXECUTE = "RedshiftData.BatchExecuteStatement"


@pytest.fixture
def service(cloud, redshift):
    return DataApiService(cloud, redshift.port, (USER, PASSWORD))


@pytest.fixture
def connected(redshift):
    """The same warehouse, on a connection."""
    given = {"host": "127.0.0.1", "port": redshift.port, "user": USER, "password": SecretStr(PASSWORD)}
    return RedshiftWarehouse(**given, iam_role="r", ssl=False, connect_timeout_seconds=10)


@pytest.fixture
def warehouse(cloud, analyst, roles, service, request):
    """A block whose host cannot be reached, as from outside the network, of somebody with the policy of analysts."""
    secret = json.dumps({"username": USER, "password": PASSWORD})
    arn = cloud.client("secretsmanager").create_secret(Name=request.node.name, SecretString=secret)["ARN"]
    roles.names |= {arn: "ReaderSecret", **dict.fromkeys(("churn-1a", "churn-9z"), "RedshiftWorkgroup")}
    return RedshiftWarehouse(
        host="192.0.2.1",
        workgroup="churn-1a",
        reader_secret_arn=arn,
        query_route="data-api",
        credentials=analyst,
        iam_role="r",
        query_timeout_seconds=20,
    )


@pytest.fixture
def filled(connected):
    """A table of two rows."""
    with connected.connection() as connection:
        execute(connection, "CREATE TABLE IF NOT EXISTS data_api_rows (n INTEGER)")
        execute(connection, "DELETE FROM data_api_rows")
        execute(connection, "INSERT INTO data_api_rows VALUES (1), (2)")
        connection.commit()


def _count(connected):
    return connected.read("SELECT count(*) AS n FROM data_api_rows")[1]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 AS n, CAST(2 AS BIGINT) AS b, CAST(3 AS SMALLINT) AS s",
        "SELECT CAST(1.50 AS DECIMAL(12, 2)) AS d, CAST(-0.0001 AS DECIMAL(38, 10)) AS small",
        "SELECT CAST(1.5 AS DOUBLE PRECISION) AS f, CAST(2.25 AS REAL) AS r",
        "SELECT CAST('NaN' AS DOUBLE PRECISION) > 1 AS is_more, TRUE AS yes, FALSE AS no",
        "SELECT DATE '2026-02-28' AS day, TIMESTAMP '2026-02-28 23:59:59' AS t, TIMESTAMP '2026-02-28 00:00:00.5' AS f",
        "SELECT CAST('2026-02-28 10:00:00.123456+02' AS TIMESTAMPTZ) AS t, TIMESTAMP '0001-01-01 00:00:00' AS early",
        "SELECT CAST('10:30:00' AS TIME) AS t, 'Zoë; ''quoted''' AS text, '' AS empty, '12' AS digits",
        "SELECT CAST(NULL AS INTEGER) AS n, CAST(NULL AS TEXT) AS t, CAST(NULL AS DECIMAL(3, 1)) AS d, CAST(NULL AS DATE) AS w",
        "SELECT CAST(NULL AS TIMESTAMP) AS t, CAST(NULL AS BOOLEAN) AS b, count(*) AS n FROM data_api_rows",
        "SELECT sum(n) AS total, avg(n) AS mean, max(n) AS most FROM data_api_rows",
        "SELECT n FROM data_api_rows WHERE n > 2",
        "SHOW search_path",
        "SELECT 'LIKE' AS word FROM data_api_rows WHERE CAST(n AS VARCHAR(9)) LIKE '1%';",
        "EXPLAIN SELECT n FROM data_api_rows",
    ],
)
def test_both_routes_give_the_same_names_values_and_types(warehouse, connected, filled, sql):
    columns, rows = warehouse.read(sql)
    assert (columns, rows) == connected.read(sql)
    kinds = [[type(value) for value in row] for row in rows]
    assert kinds == [[type(value) for value in row] for row in connected.read(sql)[1]]


def test_command_gives_rows_and_tells_of_progress_beside_them(warehouse, filled, monkeypatch, capsys):
    platform = Platform(lake="s3://lake/lake", jobs=GlueJob(job_name="churn"), warehouse=warehouse)
    monkeypatch.setattr(warehouse_query, "platform_or_local", lambda name: platform)
    assert warehouse_query.query_warehouse("SELECT n FROM data_api_rows ORDER BY 1", "aws") == (["n"], [(1,), (2,)])
    written = capsys.readouterr()
    assert written.out == ""
    assert "warehouse: finished" in written.err


def test_every_page_is_read(warehouse, cloud, filled):
    numbers = "SELECT n FROM generate_series(1, 10) AS g(n) ORDER BY n"
    assert warehouse.read(numbers) == (["n"], [(n,) for n in range(1, 11)])
    assert cloud.count("RedshiftData.GetStatementResult") == -(-10 // PAGE_ROWS)


def test_states_are_told_once(warehouse):
    told = []
    assert warehouse.read("SELECT 1 AS n", told.append) == (["n"], [(1,)])
    assert [line.partition(",")[0] for line in told] == [
        "warehouse: submitted", "warehouse: started", "warehouse: finished",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DELETE FROM data_api_rows", "only reads: .* not DELETE"),
        ("TRUNCATE data_api_rows", "only reads: .* not TRUNCATE"),
        ("SELECT 1; TRUNCATE data_api_rows", "multiple commands"),
        ("SELECT ';'; ROLLBACK; DELETE FROM data_api_rows", "multiple commands"),
        ("WITH gone AS (DELETE FROM data_api_rows RETURNING n) SELECT n FROM gone", "read-only transaction"),
        ("SELECT n INTO data_api_copy FROM data_api_rows", "read-only transaction"),
    ],
)
def test_it_only_reads(warehouse, connected, filled, sql, words):
    with pytest.raises(QueryError, match=words):
        warehouse.read(sql)
    assert _count(connected) == [(2,)]


def test_in_the_api_s_own_transaction_a_query_could_write(warehouse, connected, filled):
    """Why AUTO_COMMIT is asked for."""
    api = DataApi(aws_client(warehouse.credentials, "redshift-data"), _target(warehouse))
    sql = "WITH gone AS (DELETE FROM data_api_rows RETURNING n) SELECT n FROM gone"
    assert len(api.transact(["BEGIN READ ONLY", sql])[1]) == 2
    assert _count(connected) == [(0,)]


def _target(warehouse):
    return {
        "WorkgroupName": warehouse.workgroup,
        "Database": warehouse.database,
        "SecretArn": warehouse.reader_secret_arn,
    }


def test_transaction_is_all_or_nothing(warehouse, connected, filled):
    api = DataApi(aws_client(warehouse.credentials, "redshift-data"), _target(warehouse))
    with pytest.raises(QueryError, match='relation "nowhere" does not exist'):
        api.transact(["INSERT INTO data_api_rows VALUES (3)", "SELECT 1 FROM nowhere", "SELECT 2"])
    assert _count(connected) == [(2,)]
    assert api.transact(["INSERT INTO data_api_rows VALUES (3)"]) == ([], [])
    assert _count(connected) == [(3,)]


def test_failed_query_gives_the_server_s_words(warehouse):
    with pytest.raises(QueryError, match=r'^relation "nowhere" does not exist$'):
        warehouse.read("SELECT 1 FROM nowhere")


def test_refused_login_gives_the_server_s_words(warehouse, cloud):
    wrong = json.dumps({"username": USER, "password": "planted-wrong-password"})
    cloud.client("secretsmanager").put_secret_value(SecretId=warehouse.reader_secret_arn, SecretString=wrong)
    with pytest.raises(QueryError, match="password authentication failed") as error:
        warehouse.read("SELECT 1")
    assert "planted" not in str(error.value)


def test_long_query_is_cancelled(warehouse, cloud, roles, service):
    began = time.monotonic()
    block = warehouse.model_copy(update={"query_timeout_seconds": 1})
    with pytest.raises(QueryError, match=r"cancelled after 1 seconds.*query timeout"):
        block.read("SELECT pg_sleep(60) AS n")
    assert time.monotonic() - began < 20
    assert [batch.status for batch in service.batches.values()] == ["ABORTED"]
    assert cloud.count("RedshiftData.CancelStatement") == 1
    assert "redshift-data:CancelStatement" in roles.analyst.used


def test_interrupted_query_is_cancelled(warehouse, service):
    def interrupt(line):
        if "started" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        warehouse.read("SELECT pg_sleep(60) AS n", interrupt)
    assert [batch.status for batch in service.batches.values()] == ["ABORTED"]


def test_busy_warehouse_is_asked_again(warehouse, cloud):
    cloud.faults.append(first(1, EXECUTE, json_error("ActiveStatementsExceededException")))
    told = []
    assert warehouse.read("SELECT 1 AS n", told.append) == (["n"], [(1,)])
    assert told[0] == "warehouse: too many active statements, trying again"
    assert cloud.count(EXECUTE) == 2


def test_warehouse_that_stays_busy_is_an_error(warehouse, cloud):
    cloud.faults.append(first(99, EXECUTE, json_error("ActiveStatementsExceededException")))
    with pytest.raises(WarehouseError, match="querying the warehouse churn-1a: injected"):
        warehouse.model_copy(update={"query_timeout_seconds": 1}).read("SELECT 1")


def test_missing_permission_names_the_action(warehouse, cloud):
    text = "User: arn:aws:iam::1:user/ann is not authorized to perform: redshift-data:BatchExecuteStatement"
    cloud.faults.append(first(1, EXECUTE, json_error("AccessDeniedException", text)))
    with pytest.raises(WarehouseError, match=r"role may not do that.*redshift-data:BatchExecuteStatement"):
        warehouse.read("SELECT 1")


def test_absent_workgroup_is_named(warehouse):
    with pytest.raises(WarehouseError, match=r"churn-9z takes no statement.*get-workgroup --workgroup-name churn-9z"):
        warehouse.model_copy(update={"workgroup": "churn-9z"}).read("SELECT 1")


def test_paused_cluster_is_named(warehouse, cloud, credentials):
    cloud.faults.append(first(1, EXECUTE, json_error("ValidationException", "Redshift cluster is paused.")))
    block = warehouse.model_copy(update={"workgroup": "", "cluster": "own", "credentials": credentials})
    with pytest.raises(WarehouseError, match=r"own takes no statement: Redshift cluster is paused.*describe-clusters"):
        block.read("SELECT 1")


def test_statement_beyond_the_limit_is_not_sent(warehouse, cloud):
    sql = f"SELECT '{'x' * 102_400}'"
    with pytest.raises(QueryError, match=r"has 102,409 bytes, and the Data API takes 102,400"):
        warehouse.read(sql)
    assert cloud.count(EXECUTE) == 0
    with pytest.raises(ClientError, match="100KB"):
        cloud.client("redshift-data").batch_execute_statement(
            Sqls=[sql], Database="telecom_churn", WorkgroupName="churn-1a"
        )
    longest = f"SELECT '{'x' * (102_400 - 14)}' AS a"
    assert len(longest) == 102_400
    assert len(warehouse.read(longest)[1][0][0]) == 102_386


def test_a_block_that_names_no_warehouse_is_told_what_to_fill_in(warehouse):
    with pytest.raises(PlatformError, match=r"192\.0\.2\.1 .* names no workgroup or cluster"):
        warehouse.model_copy(update={"workgroup": ""}).read("SELECT 1")
