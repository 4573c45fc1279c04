"""The templates, parsed: their linter, our security rules, and what the code expects of them."""

import json

import cfn_guard_rs
import pytest
import sqlglot
from cfnlint.api import lint
from sqlglot import exp

from blocks.stack_outputs import platform_from_outputs
from contract.errors import PlatformError
from contract.metrics import AT_RISK
from contract.tables import TABLES
from infrastructure.aws.package import build
from infrastructure.aws.stack import TEMPLATE
from infrastructure.aws.stacks import TEMPLATES, check_parameters, describe
from infrastructure.aws.wheels import GLUE_VERSION
from jobs.main import parse_arguments
from tests.unit.templates import parsed, resources, spoiled

RULES = TEMPLATE.with_name("security.guard").read_text(encoding="utf-8")
NAMES = [path.stem for path in TEMPLATES]


@pytest.fixture(scope="module")
def template():
    return parsed("cloudformation")


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_the_linter_finds_nothing(path):
    assert [str(match) for match in lint(path.read_text(encoding="utf-8"))] == []
    assert len(path.read_bytes()) < 51_200, "CloudFormation takes no longer template in a request"


def test_our_rules_find_nothing():
    reports = [cfn_guard_rs.run_checks(parsed(name), RULES) for name in NAMES]
    assert [found for report in reports for found in report.not_compliant] == []
    applied = {rule for report in reports for rule in report.compliant}
    assert len(applied) == RULES.count("\nrule ")


def test_no_name_means_two_things():
    """A parameter is given to every template that declares it."""
    declared = [name for path in NAMES for name in parsed(path)["Parameters"]]
    assert len(declared) == len(set(declared))


_STATEMENTS = ("Properties", "PolicyDocument", "Statement")


@pytest.mark.parametrize(
    ("rule", "path", "value"),
    [
        ("buckets_are_encrypted_with_our_key", ("RawBucket", "Properties", "BucketEncryption"), None),
        ("buckets_are_encrypted_with_our_key", ("TrailBucket", "Properties", "BucketEncryption"), None),
        ("buckets_are_private", ("LakeBucket", "Properties", "PublicAccessBlockConfiguration", "BlockPublicAcls"), False),
        ("data_survives_the_stack", ("RawBucket", "DeletionPolicy"), "Delete"),
        ("data_survives_the_stack", ("Key", "DeletionPolicy"), "Retain"),
        ("data_survives_the_stack", ("Namespace", "UpdateReplacePolicy"), "Delete"),
        ("buckets_have_a_lifecycle", ("LakeBucket", "Properties", "LifecycleConfiguration"), None),
        ("buckets_answer_tls_only", ("LakeBucketPolicy", *_STATEMENTS, 0, "Effect"), "Allow"),
        ("queues_and_topics_are_encrypted", ("Arrivals", "Properties", "KmsMasterKeyId"), None),
        ("queues_and_topics_are_encrypted", ("Alerts", "Properties", "KmsMasterKeyId"), None),
        ("keys_rotate", ("Key", "Properties", "EnableKeyRotation"), False),
        ("roles_name_actions_and_resources", ("JobRole", "Properties", "Policies", 0, *_STATEMENTS[1:], 0, "Action"), ["s3:*"]),
        ("roles_name_actions_and_resources", ("JobRole", "Properties", "Policies", 0, *_STATEMENTS[1:], 0, "Resource"), ["*"]),
        ("roles_name_actions_and_resources", ("JobRole", "Properties", "Policies", 0, *_STATEMENTS[1:], 0, "Resource"), "*"),
        ("metrics_are_put_into_one_namespace", ("JobRole", "Properties", "Policies", 0, *_STATEMENTS[1:], -1, "Condition"), None),
        ("results_of_queries_are_their_owner_s", ("AnalystPolicy", *_STATEMENTS, 1, "Condition"), None),
        ("managed_policies_name_actions_and_resources", ("AnalystPolicy", *_STATEMENTS, 0, "Resource"), "*"),
        ("managed_policies_name_actions_and_resources", ("OrchestratorPolicy", *_STATEMENTS, 0, "Action"), ["glue:*"]),
        ("managed_policies_name_actions_and_resources", ("OrchestratorPolicy", *_STATEMENTS, 0, "Resource"), ["*"]),
        ("roles_trust_this_account_s_services_only", ("CopyRole", "Properties", "AssumeRolePolicyDocument", "Statement", 0, "Condition"), None),
        ("warehouse_is_private", ("RedshiftWorkgroup", "Properties", "PubliclyAccessible"), True),
        ("warehouse_is_private", ("RedshiftWorkgroup", "Properties", "ConfigParameters", 0, "ParameterValue"), "false"),
        ("no_door_is_open_to_everybody", ("WarehouseAccess", "Properties", "SecurityGroupIngress", 0, "CidrIp"), "0.0.0.0/0"),
        ("no_door_is_open_to_everybody", ("EndpointAccess", "Properties", "SecurityGroupIngress", 0, "CidrIp"), "0.0.0.0/0"),
        ("subnets_give_no_public_address", ("SubnetA", "Properties", "MapPublicIpOnLaunch"), True),
        ("warehouse_password_is_managed", ("Namespace", "Properties", "AdminUserPassword"), "secret"),
        ("queries_have_a_limit", ("Workgroup", "Properties", "WorkGroupConfiguration", "BytesScannedCutoffPerQuery"), None),
        ("images_do_not_change", ("Images", "Properties", "ImageTagMutability"), "MUTABLE"),
        ("services_have_no_public_address", ("Worker", "Properties", "NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp"), "ENABLED"),
        ("secrets_are_encrypted_with_our_key", ("PrefectSecret", "Properties", "KmsKeyId"), None),
        ("secrets_are_encrypted_with_our_key", ("LoaderSecret", "Properties", "KmsKeyId"), None),
        ("logs_end_and_are_encrypted", ("WorkerLogs", "Properties", "RetentionInDays"), None),
        ("roles_name_actions_and_resources", ("BuildRole", "Properties", "Policies", 0, *_STATEMENTS[1:], 0, "Resource"), "*"),
        ("jobs_are_encrypted_and_single", ("Job", "Properties", "ExecutionProperty", "MaxConcurrentRuns"), 2),
    ],
)  # fmt: skip
def test_each_rule_catches_what_it_is_for(rule, path, value):
    name = next(name for name in NAMES if path[0] in parsed(name)["Resources"])
    report = cfn_guard_rs.run_checks(spoiled(parsed(name), ("Resources", *path), value), RULES)
    assert [found.Rule.name for found in report.not_compliant] == [rule]


def test_the_job_gets_every_argument_that_the_script_and_delta_need(template):
    (job,) = resources(template, "AWS::Glue::Job").values()
    arguments = job["DefaultArguments"]
    assert {"--datalake-formats", "--conf", "--extra-py-files", "--additional-python-modules"} <= set(arguments)
    assert arguments["--datalake-formats"] == "delta"
    assert arguments["--additional-python-modules"] == {"Fn::Sub": "s3://${ArtifactBucket}/${WheelsKey}"}
    assert arguments["--python-modules-installer-option"] == "--no-index", "a run asks no package index"
    assert "DeltaSparkSessionExtension" in arguments["--conf"]
    assert job["GlueVersion"] == GLUE_VERSION
    given = [text for name, value in arguments.items() for text in (name, value if isinstance(value, str) else "x")]
    options = parse_arguments([*given, "--job", "gold", "--run_id", "r", "--JOB_NAME", "churn", "--run_key", "r/gold"])
    assert (options.job, options.run_id, options.lake) == ("gold", "r", "x"), "Glue's own arguments are left alone"


def test_the_job_takes_the_workers_that_it_needs_and_leaves_what_spark_s_page_shows(template):
    (job,) = resources(template, "AWS::Glue::Job").values()
    arguments = job["DefaultArguments"]
    assert arguments["--enable-auto-scaling"] == arguments["--enable-spark-ui"] == "true"
    assert job["ExecutionClass"] == {"Ref": "GlueExecutionClass"}
    (temporary,) = [
        rule
        for rule in template["Resources"]["LakeBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
        if rule["Id"] == "temporary"
    ]
    assert arguments["--spark-event-logs-path"] == {"Fn::Sub": f"s3://${{LakeBucket}}/{temporary['Prefix']}spark/"}


def test_parameters_of_the_package_are_the_template_s(template, tmp_path):
    package = build(tmp_path)
    check_parameters(package.parameters)
    for name, value in package.parameters.items():
        pattern = template["Parameters"][name]["AllowedPattern"]
        assert __import__("re").fullmatch(pattern, value), (name, value)


def test_every_bucket_refuses_plain_http_and_is_covered_by_a_role(template):
    buckets = set(resources(template, "AWS::S3::Bucket"))
    assert {p["Bucket"]["Ref"] for p in resources(template, "AWS::S3::BucketPolicy").values()} == buckets
    granted = json.dumps(
        [*resources(template, "AWS::IAM::Role").values(), *resources(template, "AWS::IAM::ManagedPolicy").values()]
    )
    assert all(f"${{{bucket}.Arn}}/" in granted for bucket in buckets)  # fmt: skip


def test_only_raw_files_are_crawled(template):
    """Tables are registered with the declared schema: a crawler of Delta tables would need to write beside them."""
    (crawler,) = resources(template, "AWS::Glue::Crawler").values()
    assert set(crawler["Targets"]) == {"S3Targets"}
    granted = json.dumps(template["Resources"]["CrawlerRole"]["Properties"]["Policies"])
    assert "LakeBucket" not in granted
    assert "s3:PutObject" not in granted


def _queries(template):
    """The text of the saved queries of a stack `churn`, by name."""
    queries = resources(template, "AWS::Athena::NamedQuery")
    return {
        name: query["QueryString"]["Fn::Sub"].replace("${GoldDatabase}", "churn_gold")
        for name, query in queries.items()
    }


def test_saved_queries_are_athena_s_sql_over_declared_columns(template):
    queries = _queries(template)
    assert len(queries) == 4
    assert f"WHERE {AT_RISK.text()}\n" in queries["CallFirst"]
    for query in queries.values():
        tree = sqlglot.parse_one(query, read="athena")
        assert not tree.find(exp.Command)
        (table,) = tree.find_all(exp.Table)
        columns = set(TABLES[f"{table.db.removeprefix('churn_')}.{table.name}"].schema.names)
        aliases = {alias.alias for alias in tree.find_all(exp.Alias)}
        assert {column.name for column in tree.find_all(exp.Column)} <= columns | aliases


def test_saved_queries_answer_on_a_lake(template, tmp_path):
    """The same text, in Athena's dialect, on small tables read by another engine."""
    import pyarrow as pa
    from deltalake import write_deltalake

    from serving.lake_sql import query

    for name in ("gold.churn_breakdown", "gold.customer_churn_analysis"):
        schema = TABLES[name].schema
        kinds = {"string": pa.string(), "bigint": pa.int64(), "int": pa.int32(), "double": pa.float64(), "boolean": pa.bool_()}  # fmt: skip
        fields = [pa.field(f.name, kinds.get(f.type, pa.decimal128(20, 4))) for f in schema]
        write_deltalake(str(tmp_path / name.replace(".", "/")), pa.schema(fields).empty_table())
    for saved in _queries(template).values():
        columns, rows = query(tmp_path, saved.replace("churn_gold", "gold"))
        assert columns
        assert rows == []


def _outputs(template):
    return {name: f"value-of-{name}" for name, out in template["Outputs"].items() if "Condition" not in out}


def test_outputs_fill_a_platform_without_a_warehouse_of_its_own(template):
    from prefect_aws import AwsCredentials

    outputs = _outputs(template)
    platform = platform_from_outputs(outputs, AwsCredentials(region_name=None))
    parts = (platform, platform.jobs, platform.catalog, platform.athena, *platform.crawlers)
    assert {part.credentials.region_name for part in parts} == {outputs["Region"]}, "not that of who deploys"
    assert platform.lake == outputs["Lake"]
    assert platform.jobs.job_name == outputs["JobName"]
    assert platform.athena.workgroup == outputs["AthenaWorkgroup"]
    assert [crawler.crawler for crawler in platform.crawlers] == [outputs["RawCrawlerName"]]


def test_a_dry_run_says_what_would_be_made():
    lines = describe({"MonthlyBudgetUsd": "5"})
    assert "parameter MonthlyBudgetUsd = 5" in lines
    assert "resource  Vpc (AWS::EC2::VPC)" in lines
    assert "resource  Job (AWS::Glue::Job)" in lines
    with pytest.raises(PlatformError, match=r"no parameter Budget\. They have: .*MonthlyBudgetUsd"):
        describe({"Budget": "5"})


def test_the_package_is_the_same_for_the_same_sources(tmp_path):
    first, second = build(tmp_path / "a"), build(tmp_path / "b")
    assert first.digest == second.digest
    assert first.library.read_bytes() == second.library.read_bytes()
    assert first.script_key.startswith("glue/")
    assert first.wheels == second.wheels
