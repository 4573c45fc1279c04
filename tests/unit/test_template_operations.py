"""What the templates watch, keep and spend.

Each claim is a function that is true of the template, and false of every change that is listed beside it.
"""

import json
import re

import pytest

from contract.columns import KEY
from contract.defaults import MAX_GOLD_AGE_HOURS
from contract.tables import TABLES
from infrastructure.aws.stack import TEMPLATE
from infrastructure.aws.stacks import TEMPLATES
from tests.unit.templates import parsed, resources, spoiled

PROPERTIES = "Properties"
RUNBOOK = TEMPLATE.parents[1] / "docs" / "runbook.md"
TOPIC = [{"Ref": "AlertsTopic"}]


@pytest.fixture(scope="module")
def operations():
    return parsed("operations")


@pytest.fixture(scope="module")
def lakehouse():
    return parsed()


def _alarms(operations):
    return resources(operations, "AWS::CloudWatch::Alarm")


def tells_somebody_what_to_do(operations):
    anchor = "#" + re.sub(r"\W+", "-", "Alarms on AWS").lower()
    return "\n## Alarms on AWS\n" in RUNBOOK.read_text(encoding="utf-8") and all(
        alarm["AlarmActions"] == TOPIC and alarm["AlarmDescription"]["Fn::Sub"].endswith("${RunbookUrl}" + anchor)
        for alarm in _alarms(operations).values()
    )


def watches_what_matters(operations):
    """Namespace, metric and the resource that it is of."""
    watched = {
        (alarm["Namespace"], alarm["MetricName"], *alarm["Dimensions"][0]["Value"].values())
        for alarm in _alarms(operations).values()
        if "Namespace" in alarm
    }
    return watched == {
        ("Churn", "GoldAgeHours", "JobName"),
        ("AWS/Events", "TriggeredRules", "JobFailureRule"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "ArrivalsQueueName"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "DeadLettersQueueName"),
        ("AWS/Athena", "ProcessedBytes", "AthenaWorkgroup"),
    }


def misses_gold_that_is_too_old(operations):
    """No run, and so no value, is as bad as an old one; one fresh value in 26 hours is enough."""
    alarm = _alarms(operations)["GoldAlarm"]
    hours = alarm["Period"] * alarm["EvaluationPeriods"] / 3600
    limits = {hours, alarm["DatapointsToAlarm"], alarm["Threshold"]}
    return limits == {MAX_GOLD_AGE_HOURS} and (alarm["TreatMissingData"], alarm["Statistic"]) == (
        "breaching",
        "Minimum",
    )


def counts_the_warehouse_in_hours(operations):
    resource = operations["Resources"]["WarehouseUsageAlarm"]
    seconds, hours = resource[PROPERTIES]["Metrics"]
    metric = seconds["MetricStat"]["Metric"]
    return (
        resource["Condition"] == "HasWarehouse"
        and (metric["Namespace"], metric["MetricName"]) == ("AWS/Redshift-Serverless", "ComputeSeconds")
        and metric["Dimensions"] == [{"Name": "Workgroup", "Value": {"Ref": "WarehouseWorkgroup"}}]
        and (hours["Expression"], seconds["MetricStat"]["Period"]) == ("seconds / 3600", 86400)
        and resource[PROPERTIES]["Threshold"] == {"Ref": "WarehouseDailyRpuHours"}
    )


def hears_of_every_bad_end_of_a_job(operations):
    (rule,) = resources(operations, "AWS::Events::Rule").values()
    detail = rule["EventPattern"]["detail"]
    return detail == {"jobName": [{"Ref": "JobName"}], "state": ["FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED"]}


def counts_costs_by_the_tag_of_the_stack(operations):
    (budget,) = resources(operations, "AWS::Budgets::Budget").values()
    condition, by_tag, _ = budget["Budget"]["CostFilters"]["Fn::If"]
    return condition == "OfEnvironment" and by_tag == {
        "TagKeyValue": [{"Fn::Join": ["", ["user:Environment$", {"Ref": "JobName"}]]}]
    }


def shows_every_alarm_and_valid_json(operations):
    body, names = operations["Resources"]["Dashboard"][PROPERTIES]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(re.sub(r"\$\{(\w+)\.Arn\}", r"\1", body))["widgets"]
    always = {name for name in _alarms(operations) if "Condition" not in operations["Resources"][name]}
    shown = {alarm for widget in widgets for alarm in widget["properties"].get("alarms", ())}
    return shown == always and set(names) == {"Workgroup"}


def records_events_of_the_data_only_when_it_is_asked(operations):
    trail = operations["Resources"]["Trail"]
    _, _, objects = trail[PROPERTIES]["AdvancedEventSelectors"][0]["FieldSelectors"]
    return (
        operations["Parameters"]["WithDataEvents"]["Default"] == "false"
        and all(operations["Resources"][name]["Condition"] == "HasDataEvents" for name in ("Trail", "TrailBucket"))
        and [place["Fn::Sub"].rsplit(":", 1)[1] for place in objects["StartsWith"]]
        == ["${RawBucketName}/", "${LakeBucketName}/"]
        and trail[PROPERTIES]["EnableLogFileValidation"]
    )


def grants_readers_no_customer_id(operations):
    grants = resources(operations, "AWS::LakeFormation::PrincipalPermissions")
    mine = [
        g for g in grants.values() if g["Principal"]["DataLakePrincipalIdentifier"] == {"Ref": "LakeFormationReaderArn"}
    ]
    with_ids = {table.short_name for table in TABLES.values() if table.layer == "gold" and KEY in table.schema.names}
    whole = {grant["Resource"]["Table"]["Name"] for grant in mine if "Table" in grant["Resource"]}
    (masked,) = [grant["Resource"]["TableWithColumns"] for grant in mine if "TableWithColumns" in grant["Resource"]]
    return (
        not whole & with_ids
        and masked["ColumnWildcard"] == {"ExcludedColumnNames": [KEY]}
        and all(operations["Parameters"][f"LakeFormation{who}Arn"]["Default"] == "" for who in ("Worker", "Reader"))
    )


_BREAKDOWN = ("Resources", "ReaderOnBreakdown", PROPERTIES, "Resource", "Table", "Name")
_FIELDS = ("Resources", "Trail", PROPERTIES, "AdvancedEventSelectors", 0, "FieldSelectors")
_USAGE = ("Resources", "WarehouseUsageAlarm", PROPERTIES)


@pytest.mark.parametrize(
    ("claim", "path", "value"),
    [
        (tells_somebody_what_to_do, ("Resources", "QueueAgeAlarm", PROPERTIES, "AlarmActions"), []),
        (tells_somebody_what_to_do, ("Resources", "GoldAlarm", PROPERTIES, "AlarmDescription", "Fn::Sub"), "No gold."),
        (watches_what_matters, ("Resources", "DeadLetterAlarm"), None),
        (watches_what_matters, ("Resources", "QueueAgeAlarm", PROPERTIES, "Dimensions", 0, "Value"), {"Ref": "DeadLettersQueueName"}),
        (misses_gold_that_is_too_old, ("Resources", "GoldAlarm", PROPERTIES, "TreatMissingData"), "notBreaching"),
        (misses_gold_that_is_too_old, ("Resources", "GoldAlarm", PROPERTIES, "EvaluationPeriods"), 1),
        (counts_the_warehouse_in_hours, (*_USAGE, "Metrics", 1, "Expression"), "seconds"),
        (counts_the_warehouse_in_hours, ("Resources", "WarehouseUsageAlarm", "Condition"), "HasDashboard"),
        (hears_of_every_bad_end_of_a_job, ("Resources", "JobFailureRule", PROPERTIES, "EventPattern", "detail", "state"), ["FAILED"]),
        (counts_costs_by_the_tag_of_the_stack, ("Resources", "Budget", PROPERTIES, "Budget", "CostFilters", "Fn::If", 1), {}),
        (shows_every_alarm_and_valid_json, ("Resources", "Dashboard", PROPERTIES, "DashboardBody", "Fn::Sub", 0), '{"widgets": []}'),
        (records_events_of_the_data_only_when_it_is_asked, ("Parameters", "WithDataEvents", "Default"), "true"),
        (records_events_of_the_data_only_when_it_is_asked, (*_FIELDS, 2, "StartsWith", 1), None),
        (grants_readers_no_customer_id, _BREAKDOWN, "customer_movements"),
        (grants_readers_no_customer_id, ("Resources", "ReaderOnCustomers", PROPERTIES, "Resource", "TableWithColumns", "ColumnWildcard"), {}),
        (grants_readers_no_customer_id, ("Parameters", "LakeFormationReaderArn", "Default"), "arn:aws:iam::1:role/x"),
    ],
)  # fmt: skip
def test_operations_stack(operations, claim, path, value):
    assert claim(operations)
    assert not claim(spoiled(operations, path, value))


def _rules(lakehouse, bucket):
    return lakehouse["Resources"][bucket][PROPERTIES]["LifecycleConfiguration"]["Rules"]


def keeps_versions_of_the_lake_for_a_time(lakehouse):
    superseded, temporary = _rules(lakehouse, "LakeBucket")
    return (
        lakehouse["Resources"]["LakeBucket"][PROPERTIES]["VersioningConfiguration"] == {"Status": "Enabled"}
        and superseded["NoncurrentVersionExpiration"] == {"NoncurrentDays": {"Ref": "LakeVersionDays"}}
        and "ExpirationInDays" not in superseded
        and temporary["Prefix"] == "_temporary/"
    )


def archives_raw_files_and_deletes_none(lakehouse):
    (rule,) = _rules(lakehouse, "RawBucket")
    return (
        rule["Transitions"] == [{"StorageClass": "GLACIER_IR", "TransitionInDays": {"Ref": "RawArchiveDays"}}]
        and rule["ExpirationInDays"] == {"Fn::If": ["RawExpires", {"Ref": "RawRetentionDays"}, {"Ref": "AWS::NoValue"}]}
        and lakehouse["Parameters"]["RawRetentionDays"]["Default"] == 0
    )


_LAKE = ("Resources", "LakeBucket", PROPERTIES)
_RAW_RULE = ("Resources", "RawBucket", PROPERTIES, "LifecycleConfiguration", "Rules", 0)


@pytest.mark.parametrize(
    ("claim", "path", "value"),
    [
        (keeps_versions_of_the_lake_for_a_time, (*_LAKE, "VersioningConfiguration", "Status"), "Suspended"),
        (keeps_versions_of_the_lake_for_a_time, (*_LAKE, "LifecycleConfiguration", "Rules", 0, "ExpirationInDays"), 30),
        (keeps_versions_of_the_lake_for_a_time, (*_LAKE, "LifecycleConfiguration", "Rules", 1, "Prefix"), "lake/"),
        (archives_raw_files_and_deletes_none, (*_RAW_RULE, "ExpirationInDays"), 730),
        (archives_raw_files_and_deletes_none, (*_RAW_RULE, "Transitions", 0, "StorageClass"), "GLACIER"),
        (archives_raw_files_and_deletes_none, ("Parameters", "RawRetentionDays", "Default"), 730),
    ],
)
def test_data_is_kept(lakehouse, claim, path, value):
    assert claim(lakehouse)
    assert not claim(spoiled(lakehouse, path, value))


def test_the_lakehouse_fills_every_parameter_of_the_operations(operations, lakehouse):
    """A parameter without a default is an output of the same name; the one that may be absent has a default."""
    needed = {name for name, declared in operations["Parameters"].items() if "Default" not in declared}
    always = {name for name, output in lakehouse["Outputs"].items() if "Condition" not in output}
    assert needed <= always
    assert lakehouse["Outputs"]["WarehouseWorkgroup"]["Condition"] == "HasRedshift"
    assert operations["Parameters"]["WarehouseWorkgroup"]["Default"] == ""


def test_every_metric_has_a_dimension_of_this_environment(operations):
    """Two environments in one account share namespaces: a metric without one's own name counts both."""
    for alarm in _alarms(operations).values():
        dimensions = alarm.get("Dimensions") or alarm["Metrics"][0]["MetricStat"]["Metric"]["Dimensions"]
        assert [set(dimension["Value"]) for dimension in dimensions] == [{"Ref"}]


def test_no_template_names_a_resource_of_another_environment():
    for path in TEMPLATES:
        assert not re.search(r"churn_(silver|gold|raw)|\$\{AWS::StackName\}[-_]?\*", path.read_text(encoding="utf-8"))
