"""What the guard of the worker's role lets through and refuses, asked by the blocks and tasks of the flows.

That the flows need no more is seen by every test of this folder whose platform has the worker's credentials.
"""

import contextlib
from datetime import date
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError
from prefect import flow

from blocks.arrivals import ArrivalQueue
from blocks.athena import Athena
from blocks.catalog import GlueCatalog
from blocks.crawlers import GlueCrawler
from blocks.glue import GlueJob
from blocks.metrics import Metrics
from blocks.notify import Topic
from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from contract.errors import ChurnError
from contract.tables import TABLES
from lake.alerts import Alert, Alerts
from lake.erasure.request import ErasureRequest
from lake.erasure.upkeep import WarehouseUpkeep
from lake.file_notices import FileNotices
from lake.set_aside import SetAside, SetAsideFiles
from lake.storage import open_folder
from serving.quality_report import write_report
from tasks.alerts import send_alerts
from tasks.erasure import is_vacuum_due, request_erasure
from tasks.files import notify_about_files
from tasks.raw import days_with_files
from tests.cloud.stand_in import KEY, ORCHESTRATOR_KEY_ID, REGION, end_run, job_runs
from tests.unit.policies import statements
from tests.unit.templates import parsed


@pytest.fixture
def platform(cloud, orchestrator, roles, request):
    """A platform with all that a stack has, as `churn deploy` saves it; nothing is behind some of its names."""
    place, job = {"credentials": orchestrator}, f"job-{request.node.name}"
    for bucket in ("raw", "lake"):
        cloud.client("s3").create_bucket(Bucket=bucket)
    cloud.client("glue").create_job(Name=job, Role="r", Command={"Name": "glueetl", "ScriptLocation": "s3://a/b.py"})
    queue = cloud.client("sqs").create_queue(QueueName="arrivals")["QueueUrl"]
    cloud.services["RedshiftServerless.GetCredentials"] = lambda asked: {"dbUser": "u", "dbPassword": "p"}
    topic = cloud.client("sns").create_topic(Name="alerts")["TopicArn"]
    arguments = {"run_id": "r", "job": "silver", "lake": "s3://lake/lake"}
    found = Platform(
        lake="s3://lake/lake",
        raw="s3://raw/raw",
        jobs=GlueJob(job_name=job, arguments=arguments, start_timeout_seconds=0.1, poll_seconds=0.05, **place),
        warehouse=RedshiftWarehouse(
            host="127.0.0.1", port=1, secret_arn="loader", workgroup="churn-1a", iam_role="r", connect_timeout_seconds=0.1, **place
        ),
        catalog=GlueCatalog(**place),
        athena=Athena(workgroup="churn", **place),
        crawlers=[GlueCrawler(crawler="churn-raw", database="churn_raw", poll_seconds=0.05, timeout_seconds=0.1, **place)],
        arrivals=ArrivalQueue(queue_url=queue, wait_seconds=0, **place),
        notifier=Topic(topic_arn=topic, **place),
        metrics=Metrics(job_name=job, **place),
        **place,
    )  # fmt: skip
    roles.work_on(found)
    roles.names[job] = "Job"
    return found


def _log_of_a_run(platform):
    run = platform.jobs.trigger()
    end_run(job_runs(platform.jobs.job_name)[-1], "SUCCEEDED")
    run.wait_for_completion()


def _connect(platform, **changed):
    with platform.warehouse.model_copy(update=changed).connection():
        pass


CALLS = {
    "Job": lambda platform: platform.jobs.trigger().stop(),
    "Log": _log_of_a_run,
    "Crawlers": lambda platform: platform.crawlers[0].crawl(),
    "Catalog": lambda platform: platform.catalog.register(TABLES["gold.churn_kpis"], "s3://lake/lake/gold/churn_kpis"),
    "ListLake": lambda platform: platform.folder().names(),
    "Lake": lambda platform: platform.folder().exists("_dashboard/data.json"),
    "ReportsAndResults": lambda platform: write_report(platform.folder()),
    "Files": lambda platform: FileNotices(platform.folder()).record({uuid4().hex: "held"}),
    "ClaimedAlerts": lambda platform: Alerts(platform.folder()).release(Alert(1, "2026-01-01", 1, 1.0, 1, ())),
    "Athena": lambda platform: platform.athena.query("SELECT 1"),
    "Arrivals": lambda platform: platform.arrivals.receive(lambda files: None),
    "Alerts": lambda platform: platform.notifier.notify("text", "subject"),
    "Key": lambda platform: platform.notifier.notify("text", "subject"),
    "Metrics": lambda platform: platform.metrics.put("GoldAgeHours", 1.0),
    "Secret": lambda platform: _connect(platform),
    "Login": lambda platform: _connect(platform, secret_arn=""),
}


@pytest.mark.parametrize("sid", CALLS)
def test_flow_needs_every_statement(platform, roles, sid):
    """What has no service behind it fails after it was let through; the guard sees also what a flow goes on without."""
    role = roles.orchestrator
    _call(sid, platform)
    assert role.refused == []
    role.template = _without(sid, role.policies)
    _call(sid, platform)
    assert role.refused
    role.refused.clear()


def test_every_statement_has_a_call(roles):
    found = [statement["Sid"] for name in roles.orchestrator.policies for statement in statements(parsed(), name)]
    assert sorted(found) == sorted(CALLS)


def _call(sid, platform):
    with contextlib.suppress(ChurnError):
        CALLS[sid](platform)


def _without(sid, policies):
    """The template without one statement of the role's policies."""
    template = parsed()
    for name in policies:
        document = template["Resources"][name]["Properties"]["PolicyDocument"]
        document["Statement"] = [statement for statement in document["Statement"] if statement["Sid"] != sid]
    return template


def test_raw_files_are_listed_and_not_read(platform, cloud):
    """As a backfill does; the raw data is read by the job alone."""
    cloud.client("s3").put_object(Bucket="raw", Key="raw/customers/2026-01-02/a.csv", Body=b"x")
    days = (date(2026, 1, 1), date(2026, 1, 3))
    for place in (platform.raw, f"{platform.raw}/customers/2026-01-02/a.csv"):
        assert days_with_files.fn(platform, place, *days) == {date(2026, 1, 2): 1}


def test_messages_are_sent_once(platform, roles, cloud, prefect_harness):
    """Alerts and files as the job leaves them: they are published, and it is recorded that they were."""
    lake = open_folder(platform.lake, cloud.client("s3"))
    Alerts(lake).write(Alert(1, "2026-01-01", 1, 1.0, 1, ()))
    SetAsideFiles(lake).write([SetAside("a.pdf", "s3://raw/raw/a.pdf", 1, 0, "a document, not data.")])

    @flow
    def messages():
        return send_alerts(platform), notify_about_files(platform)

    assert [messages(), messages()] == [(1, 1), (0, 0)]
    assert roles.orchestrator.used >= {"sns:Publish", "s3:PutObject", "kms:GenerateDataKey"}


def test_erasure_is_asked_for_and_followed_up(platform, roles, cloud, prefect_harness):
    """By a list below the lake, which the worker may read; the job does the rest."""
    cloud.client("s3").put_object(Bucket="lake", Key="lake/ids.txt", Body=b"GONE-0001\n")

    @flow
    def asked():
        return request_erasure(platform, "s3://lake/lake/ids.txt")

    assert asked() == 1
    assert ErasureRequest(platform.folder()).read().ids.ids == {"GONE-0001"}
    WarehouseUpkeep(platform.folder()).close()
    assert not is_vacuum_due(platform)
    assert roles.orchestrator.refused == []


HERE = "arn:aws:{}:eu-west-1:1:"


@pytest.mark.parametrize(
    ("service", "ask", "refused"),
    [
        ("s3", lambda c: c.get_object(Bucket="raw", Key="raw/a.csv"), ("s3:GetObject", "arn:RawBucket/raw/a.csv")),
        (
            "s3",
            lambda c: c.put_object(Bucket="lake", Key="lake/gold/t/_delta_log/1.json", Body=b""),
            ("s3:PutObject", "arn:LakeBucket/lake/gold/t/_delta_log/1.json"),
        ),
        (
            "s3",
            lambda c: c.delete_object(Bucket="lake", Key="lake/_control/deliveries.json"),
            ("s3:DeleteObject", "arn:LakeBucket/lake/_control/deliveries.json"),
        ),
        ("glue", lambda c: c.start_job_run(JobName="other"), ("glue:StartJobRun", HERE.format("glue") + "job/other")),
        ("glue", lambda c: c.delete_table(DatabaseName="churn_gold", Name="t"), ("glue:DeleteTable", HERE.format("glue") + "catalog")),
        ("glue", lambda c: c.get_databases(), ("glue:GetDatabases", HERE.format("glue") + "*")),
        ("secretsmanager", lambda c: c.get_secret_value(SecretId="admin"), ("secretsmanager:GetSecretValue", "admin")),
        (
            "logs",
            lambda c: c.get_log_events(logGroupName="/other", logStreamName="s"),
            ("logs:GetLogEvents", HERE.format("logs") + "log-group:/other:log-stream:s"),
        ),
        ("sns", lambda c: c.publish(TopicArn="arn:aws:sns:us-east-1:123456789012:other", Message="m"), ("sns:Publish", "arn:aws:sns:us-east-1:123456789012:other")),
        ("athena", lambda c: c.get_query_results(QueryExecutionId="of-another"), ("athena:GetQueryResults", HERE.format("athena") + "workgroup/*")),
        ("redshift-data", lambda c: c.execute_statement(WorkgroupName="churn-1a", Sql="SELECT 1", Database="d"), ("redshift-data:ExecuteStatement", "arn:RedshiftWorkgroup")),
        ("cloudwatch", lambda c: c.put_metric_data(Namespace="AWS/Other", MetricData=[{"MetricName": "m", "Value": 1.0}]), ("cloudwatch:PutMetricData", "*")),
    ],
)  # fmt: skip
def test_worker_may_do_no_more(platform, cloud, roles, service, ask, refused):
    given = {"aws_access_key_id": ORCHESTRATOR_KEY_ID, "aws_secret_access_key": KEY, "region_name": REGION}
    with pytest.raises(ClientError, match=r"AccessDenied|AuthorizationError"):
        ask(boto3.client(service, endpoint_url=cloud.url, **given))
    assert roles.orchestrator.refused[0] == refused
    roles.orchestrator.refused.clear()
