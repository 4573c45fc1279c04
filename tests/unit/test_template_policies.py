"""What the roles of the template may do: every call that the code makes, and not what would cross a border."""

import json
import re

import pytest

from tests.unit.policies import allows, statements
from tests.unit.templates import parsed, spoiled

HERE = "arn:aws:{}:eu-west-1:1"
LOGS = HERE.format("logs")
GLUE = HERE.format("glue")


@pytest.fixture(scope="module")
def template():
    return parsed()


LAKE, RAW, RESULTS, ARTIFACTS = "arn:LakeBucket", "arn:RawBucket", "arn:ResultsBucket", "arn:ArtifactBucket"
ORCHESTRATOR, JOB, CRAWLER, COPY = "OrchestratorPolicy", "JobRole", "CrawlerRole", "CopyRole"
ALLOWED = [
    (ORCHESTRATOR, "glue:StartJobRun", f"{GLUE}:job/churn"),
    (ORCHESTRATOR, "glue:GetJobRuns", f"{GLUE}:job/churn"),
    (ORCHESTRATOR, "glue:BatchStopJobRun", f"{GLUE}:job/churn"),
    (ORCHESTRATOR, "logs:GetLogEvents", f"{LOGS}:log-group:/aws-glue/jobs-role-churn/output:log-stream:jr_1"),
    (ORCHESTRATOR, "logs:GetLogEvents", f"{LOGS}:log-group:/aws-glue/jobs/output:log-stream:jr_1"),
    (ORCHESTRATOR, "glue:StartCrawler", f"{GLUE}:crawler/churn-raw"),
    (ORCHESTRATOR, "glue:GetTables", f"{GLUE}:table/churn_raw/customers"),
    (ORCHESTRATOR, "glue:UpdateTable", f"{GLUE}:table/churn_gold/churn_kpis"),
    (ORCHESTRATOR, "glue:GetPartitions", f"{GLUE}:table/churn_silver/customers"),
    (ORCHESTRATOR, "s3:GetObject", f"{LAKE}/lake/_dashboard/key"),
    (ORCHESTRATOR, "s3:PutObject", f"{LAKE}/lake/_control/file_notices.json"),
    (ORCHESTRATOR, "s3:PutObject", f"{LAKE}/lake/_control/deliveries.json"),
    (ORCHESTRATOR, "s3:PutObject", f"{LAKE}/lake/_control/deliveries_copy.json"),
    (ORCHESTRATOR, "s3:PutObject", f"{LAKE}/lake/_control/rebuild.json"),
    (ORCHESTRATOR, "s3:PutObject", f"{LAKE}/lake/_control/set_aside.json"),
    (ORCHESTRATOR, "s3:PutObject", f"{LAKE}/lake/_control/erasure/request.json"),
    (ORCHESTRATOR, "s3:PutObject", f"{LAKE}/lake/_control/erasure/warehouse.json"),
    (ORCHESTRATOR, "s3:PutObject", f"{LAKE}/lake/_reports/dashboard.html"),
    (ORCHESTRATOR, "s3:PutObject", f"{LAKE}/lake/_lineage/20260101T000000Z.ndjson"),
    (ORCHESTRATOR, "s3:DeleteObject", f"{LAKE}/lake/_alerts/3.claimed.json"),
    (ORCHESTRATOR, "s3:PutObject", f"{RESULTS}/athena/x.csv"),
    (ORCHESTRATOR, "s3:ListBucket", RAW),
    (ORCHESTRATOR, "athena:GetQueryResults", "arn:aws:athena:eu-west-1:1:workgroup/churn"),
    (ORCHESTRATOR, "sqs:ReceiveMessage", "arn:Arrivals"),
    (ORCHESTRATOR, "sns:Publish", "Alerts"),
    ("WarehousePolicy", "secretsmanager:GetSecretValue", "LoaderSecret"),
    ("WarehousePolicy", "redshift-serverless:GetCredentials", "arn:RedshiftWorkgroup"),
    ("AnalystPolicy", "redshift-data:BatchExecuteStatement", "arn:RedshiftWorkgroup"),
    ("AnalystPolicy", "secretsmanager:GetSecretValue", "ReaderSecret"),
    (JOB, "glue:GetSecurityConfiguration", "*"),
    (JOB, "s3:PutObject", f"{LAKE}/lake/_dashboard/key"),
    (JOB, "s3:DeleteObject", f"{LAKE}/lake/gold/x.parquet"),
    (JOB, "s3:GetObject", f"{RAW}/raw/customers.csv"),
    (JOB, "s3:GetObject", f"{ARTIFACTS}/glue/1/glue_main.py"),
    (JOB, "logs:AssociateKmsKey", f"{LOGS}:log-group:/aws-glue/jobs-role-churn/output"),
    (CRAWLER, "glue:GetSecurityConfiguration", "*"),
    (CRAWLER, "s3:GetObject", f"{RAW}/raw/customers.csv"),
    (CRAWLER, "glue:CreateTable", f"{GLUE}:table/churn_raw/customers"),
    (COPY, "s3:GetObject", f"{LAKE}/lake/_exports/customer_churn_analysis/3/part.parquet"),
]  # fmt: skip
REFUSED = [
    (ORCHESTRATOR, "glue:StartJobRun", f"{GLUE}:job/churn-staging"),
    (ORCHESTRATOR, "logs:GetLogEvents", f"{LOGS}:log-group:/aws-glue/jobs-other-staging/output:log-stream:jr_1"),
    (ORCHESTRATOR, "glue:UpdateTable", f"{GLUE}:table/churn_staging_gold/churn_kpis"),
    (ORCHESTRATOR, "s3:PutObject", f"{LAKE}/lake/gold/customer_churn_analysis/_delta_log/1.json"),
    (ORCHESTRATOR, "s3:DeleteObject", f"{LAKE}/lake/_control/deliveries.json"),
    (ORCHESTRATOR, "s3:GetObject", f"{RAW}/raw/customers.csv"),
    (ORCHESTRATOR, "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:1:secret:redshift!churn-1a-churn_admin-x"),
    ("WarehousePolicy", "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:1:secret:redshift!churn-1a-churn_admin-x"),
    ("WarehousePolicy", "secretsmanager:GetSecretValue", "ReaderSecret"),
    ("AnalystPolicy", "secretsmanager:GetSecretValue", "LoaderSecret"),
    ("AnalystPolicy", "redshift-data:BatchExecuteStatement", "arn:aws:redshift-serverless:eu-west-1:1:workgroup/other"),
    ("AnalystPolicy", "redshift-data:GetStatementResult", "*"),
    ("AnalystPolicy", "kms:Decrypt", "arn:Key"),
    (JOB, "s3:PutObject", f"{RAW}/raw/customers.csv"),
    (JOB, "s3:DeleteObject", f"{RAW}/raw/customers.csv"),
    (CRAWLER, "s3:GetObject", f"{LAKE}/lake/gold/x.parquet"),
    (COPY, "s3:GetObject", f"{LAKE}/lake/silver/x.parquet"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "action", "resource"), ALLOWED)
def test_call_of_the_code_is_allowed(template, name, action, resource):
    assert allows(template, name, action, resource)
    (place,) = [
        (*_path(template, name), number, "Action")
        for number, statement in enumerate(statements(template, name))
        if _is_the_one(template, name, number, statement, action, resource)
    ]
    assert not allows(spoiled(template, place, ["nothing:Nothing"]), name, action, resource), "by that statement only"


def _path(template, name):
    properties = template["Resources"][name]["Properties"]
    within = ("Policies", 0) if "Policies" in properties else ()
    return ("Resources", name, "Properties", *within, "PolicyDocument", "Statement")


def _is_the_one(template, name, number, statement, action, resource):
    return action in statement["Action"] and not allows(
        spoiled(template, (*_path(template, name), number), {"Action": [], "Resource": []}), name, action, resource
    )


@pytest.mark.parametrize(("name", "action", "resource"), REFUSED)
def test_call_beyond_the_border_is_refused(template, name, action, resource):
    assert not allows(template, name, action, resource)
    opened = {"Effect": "Allow", "Action": [action], "Resource": resource}
    assert allows(spoiled(template, (*_path(template, name), 0), opened), name, action, resource), "it would be noticed"


@pytest.mark.parametrize(("name", "namespace"), [(ORCHESTRATOR, "Churn"), (JOB, "Glue")])
def test_metrics_go_into_one_namespace(template, name, namespace):
    assert allows(template, name, "cloudwatch:PutMetricData", "*", namespace=namespace)
    assert not allows(template, name, "cloudwatch:PutMetricData", "*", namespace="AWS/Other")


@pytest.mark.parametrize("action", ["DescribeStatement", "GetStatementResult", "CancelStatement"])
def test_analysts_see_results_of_their_own(template, action):
    call = ("AnalystPolicy", f"redshift-data:{action}", "*")
    assert allows(template, *call, owner="${aws:userid}")
    assert not allows(template, *call, owner="somebody else")


def test_analysts_decrypt_secrets_only(template):
    assert allows(template, "AnalystPolicy", "kms:Decrypt", "arn:Key", via="secretsmanager.eu-west-1.amazonaws.com")
    assert not allows(template, "AnalystPolicy", "kms:Decrypt", "arn:Key", via="s3.eu-west-1.amazonaws.com")


def test_every_allowed_key_of_the_lake_is_below_it(template):
    """A lake is at lake/: nothing but it, and the job's own temporary files, is written in its bucket."""
    granted = json.dumps([statements(template, name) for name in (ORCHESTRATOR, COPY)])
    assert set(re.findall(r"\$\{LakeBucket\.Arn\}/([\w]+)", granted)) == {"lake"}


def test_the_worker_never_has_the_administrator_s_secret(template):
    assert "churn_admin" not in json.dumps([template["Resources"][name] for name in (ORCHESTRATOR, "WarehousePolicy")])
    for name, user in (("LoaderSecret", "churn_loader"), ("ReaderSecret", "churn_reader")):
        secret = template["Resources"][name]["Properties"]
        assert json.loads(secret["GenerateSecretString"]["SecretStringTemplate"]) == {"username": user}
        assert secret["GenerateSecretString"]["GenerateStringKey"] == "password"
        assert secret["KmsKeyId"] == {"Fn::GetAtt": ["Key", "Arn"]}
    assert template["Resources"]["Namespace"]["Properties"]["AdminUsername"] == "churn_admin"


def test_the_warehouse_has_a_limit_to_its_growth(template):
    assert template["Resources"]["RedshiftWorkgroup"]["Properties"]["MaxCapacity"] == {"Ref": "RedshiftMaxCapacity"}
    assert template["Outputs"]["WarehouseMonthlyRpuHours"]["Value"] == {"Ref": "RedshiftMonthlyRpuHours"}


def lets_eventbridge_use_the_key_without_a_condition(template):
    """AWS: conditions on the source are not supported in the policy of the key of a topic that EventBridge sends to."""
    statements = template["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"]
    of_events = [found for found in statements if "events.amazonaws.com" in found["Principal"].get("Service", ())]
    return [(found["Action"], found.get("Condition")) for found in of_events] == [
        (["kms:Decrypt", "kms:GenerateDataKey"], None)
    ]


QUEUES = {"QueuePolicy": "Arrivals", "DeadLettersPolicy": "DeadLetters"}


def _allowed(template, policy):
    found = template["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"]
    return [statement for statement in found if statement["Effect"] == "Allow"]


def lets_the_rule_alone_fill_the_queues(template):
    of_the_rule = {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["ArrivalRule", "Arn"]}}}
    return all([found.get("Condition") for found in _allowed(template, policy)] == [of_the_rule] for policy in QUEUES)


def has_a_policy_for_each_queue(template):
    """SQS refuses a policy that names another queue than its own."""
    return all(
        template["Resources"][policy]["Properties"]["Queues"] == [{"Ref": queue}]
        and all(
            statement["Resource"] == {"Fn::GetAtt": [queue, "Arn"]}
            for statement in template["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"]
        )
        for policy, queue in QUEUES.items()
    )


def lets_eventbridge_publish_without_a_condition(template):
    """AWS: conditions are not supported in the policy of a topic that EventBridge sends to; it is silent where one is."""
    by_service = {}
    for found in _allowed(template, "AlertsPolicy"):
        services = found["Principal"]["Service"]
        by_service |= dict.fromkeys([services] if isinstance(services, str) else services, found.get("Condition"))
    return by_service == {
        "cloudwatch.amazonaws.com": OF_THIS_ACCOUNT,
        "budgets.amazonaws.com": OF_THIS_ACCOUNT,
        "events.amazonaws.com": None,
    }


KEY_STATEMENTS = ("Resources", "Key", "Properties", "KeyPolicy", "Statement")
OF_THIS_ACCOUNT = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.parametrize(
    ("claim", "path", "value"),
    [
        (lets_eventbridge_use_the_key_without_a_condition, (*KEY_STATEMENTS, 2, "Condition"), OF_THIS_ACCOUNT),
        (lets_eventbridge_use_the_key_without_a_condition, (*KEY_STATEMENTS, 2), None),
        (lets_eventbridge_publish_without_a_condition, ("Resources", "AlertsPolicy", "Properties", "PolicyDocument", "Statement", 0, "Condition"), None),
        (lets_eventbridge_publish_without_a_condition, ("Resources", "AlertsPolicy", "Properties", "PolicyDocument", "Statement", 1, "Condition"), OF_THIS_ACCOUNT),
        (lets_the_rule_alone_fill_the_queues, ("Resources", "QueuePolicy", "Properties", "PolicyDocument", "Statement", 0, "Condition"), None),
        (lets_the_rule_alone_fill_the_queues, ("Resources", "DeadLettersPolicy", "Properties", "PolicyDocument", "Statement", 0, "Condition"), None),
        (has_a_policy_for_each_queue, ("Resources", "QueuePolicy", "Properties", "Queues"), [{"Ref": "Arrivals"}, {"Ref": "DeadLetters"}]),
        (has_a_policy_for_each_queue, ("Resources", "DeadLettersPolicy", "Properties", "PolicyDocument", "Statement", 1, "Resource"), {"Fn::GetAtt": ["Arrivals", "Arn"]}),
    ],
)  # fmt: skip
def test_events_reach_topic_and_queue_with_their_key(template, claim, path, value):
    assert claim(template)
    assert not claim(spoiled(template, path, value))
