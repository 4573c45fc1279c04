"""Names in the templates: two environments side by side, and the same one again after it was destroyed.

Each claim is a function that is true of the template, and false of every change that is listed beside it.
"""

import json
import re

import pytest

from contract.tables import TABLES
from infrastructure.aws.naming import check_stack_name
from tests.unit.templates import parsed, resources, spoiled

PROPERTIES = "Properties"
STACK = {"Ref": "AWS::StackName"}
# Their names are within others, or made from what is in them.
_NAMED_BY_CONTENT = ("AWS::CloudWatch::", "AWS::Glue::Database", "AWS::Events::Rule")
_UNDERSCORED = {"Fn::Join": ["_", {"Fn::Split": ["-", STACK]}]}
_OF_ITS_ID = {
    "Fn::Select": [0, {"Fn::Split": ["-", {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}]}]
}


@pytest.fixture(scope="module")
def template():
    return parsed()


def _has_stack_name(value):
    return "AWS::StackName" in json.dumps(value)


def names_everything_after_the_stack(template):
    given = [
        value
        for found in template["Resources"].values()
        if not found["Type"].startswith(_NAMED_BY_CONTENT)
        for name, value in found.get(PROPERTIES, {}).items()
        if name in ("Name", "NamespaceName", "WorkgroupName", "BucketName", "RoleName", "QueueName", "TopicName")
        and value != {"Ref": "Namespace"}
    ]
    return len(given) >= 8 and all(_has_stack_name(value) for value in given)


def names_databases_by_layer(template):
    databases = resources(template, "AWS::Glue::Database")
    names = {key: found["DatabaseInput"]["Name"] for key, found in databases.items()}
    return names == {
        f"{layer.capitalize()}Database": {"Fn::Join": ["_", [_UNDERSCORED, layer]]}
        for layer in ("silver", "gold", "raw")
    } and template["Outputs"]["CatalogPrefix"]["Value"] == {"Fn::Join": ["", [_UNDERSCORED, "_"]]}


def asks_its_own_databases(template):
    queries = resources(template, "AWS::Athena::NamedQuery").values()
    return all("FROM ${GoldDatabase}." in query["QueryString"]["Fn::Sub"] for query in queries)


def has_no_name_of_another_environment(template):
    """No literal name, and no pattern after a stack's name, which begins the names of others."""
    text = json.dumps(template["Resources"])
    return not re.search(r"churn_(silver|gold|raw|crawled)|churn_\*|\$\{AWS::StackName\}[-_]?\*", text)


def gives_the_warehouse_a_new_name_every_time(template):
    names = [
        template["Resources"][resource][PROPERTIES][name]
        for resource, name in (("Namespace", "NamespaceName"), ("RedshiftWorkgroup", "WorkgroupName"))
    ]
    return names == [{"Fn::Join": ["-", [STACK, _OF_ITS_ID]]}] * 2


def lets_aws_name_what_it_keeps(template):
    kept = [found for found in template["Resources"].values() if "DeletionPolicy" in found]
    return all(
        not {"BucketName", "AliasName"} & set(found[PROPERTIES]) and found["DeletionPolicy"] == "RetainExceptOnCreate"
        for found in kept
    )


def hears_of_raw_files_only(template):
    detail = template["Resources"]["ArrivalRule"][PROPERTIES]["EventPattern"]["detail"]
    crawled = template["Resources"]["RawCrawler"][PROPERTIES]["Targets"]["S3Targets"][0]["Path"]["Fn::Sub"]
    (key,) = detail["object"]["key"]
    return (
        template["Outputs"]["Raw"]["Value"]["Fn::Sub"] + "/" == crawled == "s3://${RawBucket}/" + key["prefix"]
        and detail["bucket"] == {"name": [{"Ref": "RawBucket"}]}
        and detail["object"]["size"] == [{"numeric": [">", 0]}]
    )


@pytest.mark.parametrize(
    ("claim", "path", "value"),
    [
        (names_everything_after_the_stack, ("Job", PROPERTIES, "Name"), "churn"),
        (names_everything_after_the_stack, ("CallFirst", PROPERTIES, "Name"), "customers to call first"),
        (names_everything_after_the_stack, ("Workgroup", PROPERTIES, "Name"), "churn"),
        (names_databases_by_layer, ("GoldDatabase", PROPERTIES, "DatabaseInput", "Name"), "churn_gold"),
        (asks_its_own_databases, ("CallFirst", PROPERTIES, "QueryString"), {"Fn::Sub": "SELECT 1 FROM churn_gold.churn_kpis"}),
        (has_no_name_of_another_environment, ("GoldDatabase", PROPERTIES, "DatabaseInput", "Name"), "churn_gold"),
        (has_no_name_of_another_environment, ("OrchestratorPolicy", PROPERTIES, "Description"), "database/churn_*"),
        (has_no_name_of_another_environment, ("OrchestratorPolicy", PROPERTIES, "Description"), "secret:redshift!${AWS::StackName}-*-x"),
        (gives_the_warehouse_a_new_name_every_time, ("Namespace", PROPERTIES, "NamespaceName"), STACK),
        (gives_the_warehouse_a_new_name_every_time, ("RedshiftWorkgroup", PROPERTIES, "WorkgroupName"), STACK),
        (lets_aws_name_what_it_keeps, ("RawBucket", PROPERTIES, "BucketName"), "churn-raw"),
        (lets_aws_name_what_it_keeps, ("Namespace", "DeletionPolicy"), "Retain"),
        (hears_of_raw_files_only, ("ArrivalRule", PROPERTIES, "EventPattern", "detail", "object"), {"key": [{"prefix": ""}], "size": []}),
        (hears_of_raw_files_only, ("ArrivalRule", PROPERTIES, "EventPattern", "detail", "object", "key"), [{"prefix": "lake/"}]),
    ],
)  # fmt: skip
def test_names(template, claim, path, value):
    assert claim(template)
    assert not claim(spoiled(template, ("Resources", *path), value))


@pytest.mark.parametrize("name", ["churn", "churn-lakehouse", "churn-staging-2", "c" * 40])
def test_names_are_valid_for_every_service(name):
    """The longest names of a stack, by the limits that AWS documents: Redshift 64, EventBridge and IAM are generated."""
    check_stack_name(name)
    assert re.fullmatch(r"[a-z0-9-]{3,64}", f"{name}-1a2b3c4d")
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name.replace("-", "_") + "_silver")


def test_no_two_stacks_share_a_database():
    """Hyphens become underscores: no stack's name has any."""
    names = ["churn", "churn-a", "churn-a-gold", "churn-gold"]
    databases = [f"{name.replace('-', '_')}_{table.layer}" for name in names for table in TABLES.values()]
    assert len(set(databases)) == len(names) * len({table.layer for table in TABLES.values()})
