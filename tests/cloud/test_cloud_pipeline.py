"""The whole pipeline in the cloud's shape: packaged script, S3, Glue, catalog, COPY from S3. The warehouse is a stand-in."""

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from deltalake import DeltaTable, QueryBuilder

from blocks.catalog import GlueCatalog
from blocks.glue import GlueJob
from blocks.metrics import Metrics
from blocks.notify import Topic
from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from contract.errors import JobError, WarehouseError
from flows import churn_pipeline as flow_module
from flows.churn_pipeline import churn_pipeline
from infrastructure.local.paths import PACKAGES
from lake.deliveries import decide
from lake.exports import TableVersion
from lake.storage import open_folder
from sample_data.generator import generate
from serving.warehouse.statements import execute
from tasks import warehouse as warehouse_task
from tasks.catalog import register_tables
from tasks.warehouse import load_warehouse
from tests.cloud.conftest import JOB, PASSWORD
from tests.cloud.stand_in import KEY, ORCHESTRATOR_KEY_ID, hang_up, job_runs, json_error, nth, xml_error
from tests.support.exports import write_export
from tests.support.pipeline import LINEAGE

TABLES = ("silver.customers", "silver.quarantine", "gold.customer_churn_analysis", "gold.churn_breakdown")
NEEDED = {
    *(
        "glue:GetJobRuns",
        "glue:StartJobRun",
        "glue:GetJobRun",
        "logs:GetLogEvents",
        "glue:GetTable",
        "glue:CreateTable",
    ),
    *("s3:ListBucket", "s3:GetObject", "s3:PutObject", "secretsmanager:GetSecretValue", "cloudwatch:PutMetricData"),
}
"""Actions of the orchestrator in every run."""


@pytest.fixture
def platform(cloud, orchestrator, roles, runner, redshift, request):
    """A platform as `churn deploy` saves it, on buckets of its own, for the worker: each request of a role is judged."""
    name = request.node.name.replace("_", "-")
    for bucket in (f"{name}-lake", f"{name}-raw"):
        cloud.client("s3").create_bucket(Bucket=bucket)
    secret = json.dumps({"username": "admin", "password": PASSWORD})
    arn = cloud.client("secretsmanager").create_secret(Name=f"{name}-loader", SecretString=secret)["ARN"]
    warehouse = RedshiftWarehouse(
        host="127.0.0.1",
        port=redshift.port,
        secret_arn=arn,
        credentials=orchestrator,
        iam_role="arn:aws:iam::123456789012:role/copy",
        bi_group="churn_readers",
        ssl=False,
        connect_timeout_seconds=20,
    )
    found = Platform(
        lake=f"s3://{name}-lake/lake",
        raw=f"s3://{name}-raw/raw",
        jobs=GlueJob(job_name=JOB, credentials=orchestrator, poll_seconds=0.3),
        warehouse=warehouse,
        catalog=GlueCatalog(credentials=orchestrator),
        notifier=Topic(topic_arn=cloud.client("sns").create_topic(Name="alerts")["TopicArn"], credentials=orchestrator),
        metrics=Metrics(job_name=JOB, credentials=orchestrator),
        credentials=orchestrator,
    )
    roles.work_on(found)
    with warehouse.connection() as connection:
        for statement in (
            "DROP VIEW IF EXISTS customer_churn_dashboard",
            "DROP VIEW IF EXISTS customer_churn_kpis",
            "DROP TABLE IF EXISTS customer_churn_analysis",
        ):
            execute(connection, statement)
        execute(connection, "DROP TABLE IF EXISTS load_audit")
        connection.commit()
    return found


def _upload(cloud, folder, platform):
    """Deliver the files of a folder; return their place."""
    bucket, _, prefix = platform.raw.removeprefix("s3://").partition("/")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("_"):
            key = f"{prefix}/{path.relative_to(folder).as_posix()}"
            cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    return platform.raw


def _download(cloud, platform, folder):
    """The lake on a disk: delta-rs would wait for the stand-in while holding the lock that it needs to answer."""
    lake = _lake(cloud, platform)
    for file in lake.files():
        target = folder / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(lake.read_bytes(file.name))
    return folder


def _lake(cloud, platform):
    """The lake's files, for what no role does."""
    return open_folder(platform.lake, cloud.client("s3"))


def _rows(lake, table):
    """Rows by delta-rs, without what depends on how and when they came."""
    delta = DeltaTable(f"{lake}/{table.replace('.', '/')}")
    found = QueryBuilder().register("t", delta).execute("SELECT * FROM t").read_all()
    names = [field.name for field in found.schema if field.name not in LINEAGE and not field.name.endswith("_at")]
    columns = [[value.as_py() for value in found.column(name)] for name in names]
    return names, sorted(zip(*columns, strict=True), key=repr)


def _assert_equal(cloud, platform, pipeline):
    copy = _download(cloud, platform, pipeline.path.parent / "downloaded")
    for table in TABLES:
        assert _rows(copy, table) == _rows(pipeline.path, table), table
    columns = "customer_id, monthly_charges, cltv, churn_score, risk_segment"
    with platform.warehouse.connection() as connection:
        loaded = execute(connection, f"SELECT {columns} FROM customer_churn_dashboard")
    expected = [tuple(r[c] for c in columns.split(", ")) for r in pipeline.records("gold.customer_churn_analysis")]
    assert sorted(loaded) == sorted(expected)


@pytest.fixture
def two_days(tmp_path):
    """A first day of whole records, and a second day; as one folder and as the first alone."""
    generate(200, 2, tmp_path / "both", seed=11, layout="flat33")
    day = "customers/2026-01-01"
    shutil.copytree(tmp_path / "both" / day, tmp_path / "first" / day)
    return tmp_path / "first", tmp_path / "both"


@pytest.mark.nightly
def test_day_of_failing_requests_equals_a_local_one(
    platform, cloud, roles, pipeline, two_days, prefect_harness, caplog
):
    """One request to S3 in forty gets 503, one in 150 no answer, and Glue throttles."""
    caplog.set_level("INFO", logger="churn")
    first, _ = two_days
    cloud.faults += [nth(40, xml_error("SlowDown", "503 Slow Down")), nth(150, hang_up)]
    cloud.faults += [nth(5, json_error("ThrottlingException"), prefix="AWSGlue.")]
    loaded = churn_pipeline(platform, _upload(cloud, first, platform))
    assert sum(cloud.count(f"S3 {method}") for method in ("GET", "PUT", "HEAD")) > 250
    assert caplog.text.count("silver.customers: 200 rows and") == 1, "the script's own words, from CloudWatch, once"
    assert loaded.load.rows_loaded == 200
    assert roles.orchestrator.used >= NEEDED, "the flow's requests were judged"
    assert roles.copy.used == {"s3:GetObject", "kms:Decrypt"}, "so were those of COPY"
    cloud.reset()
    pipeline.load(first)
    _assert_equal(cloud, platform, pipeline)
    _assert_catalog(platform, cloud)
    _assert_no_secret(platform, cloud, caplog)


@pytest.mark.nightly
@pytest.mark.timeout(600)  # S3's and Glue's retries take their pauses
def test_two_days_full_of_faults_equal_local_ones(
    platform, cloud, runner, pipeline, two_days, prefect_harness, caplog, spark, monkeypatch, tmp_path
):
    """Nothing is lost and nothing comes twice, whatever happens.

    On the second day Glue throttles and ends every step's run badly once, and the credentials expire for good.
    """
    caplog.set_level("INFO", logger="churn")
    monkeypatch.setattr(flow_module, "run_glue_job", flow_module.run_glue_job.with_options(retry_delay_seconds=0))
    first, both = two_days
    cloud.faults += [nth(10, xml_error("SlowDown", "503 Slow Down")), nth(40, hang_up)]
    churn_pipeline(platform, _upload(cloud, first, platform))
    cloud.reset()
    raw = _upload(cloud, both, platform)
    runner.fates |= {"bronze": "FAILED", "silver": "TIMEOUT", "gold": "STOPPED"}
    cloud.faults += [nth(5, json_error("ThrottlingException"), prefix="AWSGlue."), _expired_in_the_export(cloud)]
    with pytest.raises(JobError, match="credentials have expired"):
        churn_pipeline(platform, raw)
    cloud.reset()
    runner.fates["export"] = "EXPIRED"
    second = churn_pipeline(platform, raw)
    assert {"FAILED", "TIMEOUT", "STOPPED", "EXPIRED"} <= {job_run.status for job_run in job_runs(JOB)}
    pipeline.load(both)
    _assert_equal(cloud, platform, pipeline)
    assert 0 < second.load.rows_loaded < second.load.table_rows
    platform.save("pipeline", overwrite=True)
    summary = _churn(tmp_path, "run", "--raw", raw)
    assert {table["outcome"] for table in summary["tables"]} == {"unchanged"}
    assert summary["lake"] == platform.lake
    _assert_decisions(cloud, platform, pipeline, raw, tmp_path)
    _assert_catalog(platform, cloud)
    _assert_no_secret(platform, cloud, caplog)


def _expired_in_the_export(cloud):
    """Credentials that are refused from the moment that another export runs."""
    expired = json_error("ExpiredTokenException", "The security token included in the request is expired")
    before = len(_exports())

    def fault(operation, environ):
        return expired if operation == "AWSGlue.GetJobRun" and len(_exports()) > before else None

    return fault


def _exports():
    return [run for run in job_runs(JOB) if run.arguments["--job"] == "export"]


def _churn(folder, command, *arguments):
    """What a command prints about the saved platform, in a process of its own, as its user types it; as the worker's role."""
    from prefect.settings import PREFECT_API_URL

    done = subprocess.run(
        [sys.executable, "-m", "cli", command, *arguments, "--platform", "pipeline", "--json"],
        cwd=folder,
        env=os.environ
        | {
            "AWS_ACCESS_KEY_ID": ORCHESTRATOR_KEY_ID,
            "PREFECT_API_URL": PREFECT_API_URL.value(),
            "PYTHONPATH": str(PACKAGES),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _assert_decisions(cloud, platform, pipeline, raw, folder):
    """The second day is taken back and comes again; a healthy lake needs no repair."""
    by_batch = {batch["batch"]: batch for batch in _churn(folder, "batches")}
    assert [by_batch[number]["state"] for number in (1, 2)] == ["committed", "committed"]
    files = {file["path"]: file["batch"] for file in _churn(folder, "files", "--raw", raw)}
    (second_day,) = (path for path, batch in files.items() if batch == 2)
    for command, state in (("discard", "discarded"), ("retry", "ingested")):
        _churn(folder, command, second_day, "--raw", raw)
        decided = {"discard": [], "retry": []} | {command: [second_day]}
        decide(pipeline.folder, **decided, at=datetime.now(UTC))
        pipeline.job("silver", full_refresh="true")
        pipeline.job("gold")
        found = {file["path"]: file["state"] for file in _churn(folder, "files", "--raw", raw)}
        assert found == {path: state if path == second_day else "ingested" for path in files}
        _assert_equal(cloud, platform, pipeline)
    assert not _churn(folder, "repair")["repaired"]


def _assert_catalog(platform, cloud):
    """Tables are registered natively; what somebody changed by hand is put right."""
    glue = cloud.client("glue")
    table = glue.get_table(DatabaseName="churn_gold", Name="customer_churn_analysis")["Table"]
    assert table["Parameters"]["table_type"] == "DELTA"
    place = f"{platform.lake}/gold/customer_churn_analysis"
    assert table["StorageDescriptor"]["Location"] == place
    assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"]["path"] == place
    assert register_tables.fn(platform) == []
    given = {name: table[name] for name in ("Name", "Parameters", "StorageDescriptor", "TableType")}
    kept = given["StorageDescriptor"]["Columns"][1:]
    given["StorageDescriptor"]["Columns"] = [*kept, {"Name": "x", "Type": "int"}]
    glue.update_table(DatabaseName="churn_gold", TableInput=given)
    name = "churn_gold.customer_churn_analysis"
    assert register_tables.fn(platform) == [f"{name}: column customer_id string added", f"{name}: column x removed"]
    assert register_tables.fn(platform) == []


def _assert_no_secret(platform, cloud, caplog):
    """The planted password and key are in no log, artifact, argument or file of the lake."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        artifacts = [a.model_dump_json() for a in client.read_artifacts()]
    runs = cloud.client("glue").get_job_runs(JobName=JOB)["JobRuns"]
    assert artifacts
    assert runs
    texts = [caplog.text, json.dumps(runs, default=str), *artifacts, repr(platform)]
    lake = _lake(cloud, platform)
    for file in lake.files():
        if file.name.endswith((".json", ".html")):
            texts.append(lake.read_bytes(file.name).decode())
    assert not [text[:200] for text in texts for secret in (PASSWORD, KEY) if secret in text]


@pytest.mark.nightly
def test_real_files_give_the_local_lake(platform, cloud, pipeline, real_files, prefect_harness):
    raw = _upload(cloud, real_files[0].parent, platform)
    result = churn_pipeline(platform, raw)
    assert result.load.table_rows == 7043
    pipeline.load(real_files[0].parent)
    _assert_equal(cloud, platform, pipeline)


def _export(cloud, platform, version, names, **given):
    write_export(_lake(cloud, platform), version, [(name, "x", 1, "U") for name in names], **given)


def _contents(platform):
    with platform.warehouse.connection() as connection:
        rows = execute(connection, "SELECT * FROM customer_churn_analysis ORDER BY customer_id")
        loads = execute(connection, "SELECT delta_version FROM load_audit ORDER BY 1")
    return rows, [row[0] for row in loads]


def test_redshift_killed_in_copy_and_before_commit(platform, cloud, redshift, monkeypatch, prefect_harness):
    _export(cloud, platform, 0, ["a", "b"], table_rows=2)
    load_warehouse(platform, 0)
    before, loads = _contents(platform)
    _export(cloud, platform, 1, ["b", "c"], base=0, table_rows=3)

    def kill_in_copy(operation, environ):
        if environ["PATH_INFO"].endswith(".parquet") and operation == "S3 GET":
            os.kill(redshift.process.pid, signal.SIGKILL)
        return

    cloud.faults.append(kill_in_copy)
    with pytest.raises(WarehouseError):
        load_warehouse.fn(platform, 1)
    cloud.faults.clear()
    redshift.start()
    assert _contents(platform) == (before, loads)

    plain = warehouse_task.execute

    def kill_after_copy(connection, sql, parameters=()):
        rows = plain(connection, sql, parameters)
        if sql.startswith("COPY"):
            redshift.kill()
        return rows

    monkeypatch.setattr(warehouse_task, "execute", kill_after_copy)
    with pytest.raises(WarehouseError):
        load_warehouse.fn(platform, 1)
    monkeypatch.undo()
    redshift.start()
    assert _contents(platform) == (before, loads)

    assert load_warehouse.fn(platform, 1).rows_loaded == 2
    assert load_warehouse.fn(platform, 1).rows_loaded == 0
    after, loads_after = _contents(platform)
    assert [row[0] for row in after] == ["a", "b", "c"]
    assert loads_after == [0, 1]
    assert warehouse_task.loaded_version.fn(platform) == TableVersion("t", 1)
