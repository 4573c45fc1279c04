"""Every policy of the templates, read by parliament: actions that exist, resources that they take, conditions that they know."""

import json
import re

import pytest
from parliament import analyze_policy_string

from infrastructure.aws.stacks import TEMPLATES
from tests.unit.templates import parsed

ACCOUNT = "123456789012"
# An ARN of each type that a statement refers to by the name of its resource.
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::KMS::Key": "arn:aws:kms:eu-west-1:123456789012:key/{}",
    "AWS::SQS::Queue": "arn:aws:sqs:eu-west-1:123456789012:{}",
    "AWS::SNS::Topic": "arn:aws:sns:eu-west-1:123456789012:{}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:{}",
    "AWS::ECR::Repository": "arn:aws:ecr:eu-west-1:123456789012:repository/{}",
    "AWS::Logs::LogGroup": "arn:aws:logs:eu-west-1:123456789012:log-group:{}:*",
    "AWS::IAM::Role": "arn:aws:iam::123456789012:role/{}",
    "AWS::RedshiftServerless::Workgroup": "arn:aws:redshift-serverless:eu-west-1:123456789012:workgroup/{}",
}
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": ACCOUNT, "AWS::StackName": "churn"}
PARAMETERS = {
    "WorkerKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/k",
    "KeyArn": "arn:aws:kms:eu-west-1:123456789012:key/k",
}


def _name(template, name):
    """What Ref gives: of most types a name, of some an ARN."""
    kind = template["Resources"].get(name, {}).get("Type", "")
    if kind in ("AWS::SNS::Topic", "AWS::SecretsManager::Secret"):
        return ARNS[kind].format(name)
    return PSEUDO.get(name) or PARAMETERS.get(name) or name.lower()


def _arn(template, name):
    return ARNS[template["Resources"][name]["Type"]].format(name.lower())


def _text(template, value):
    if not isinstance(value, dict):
        return value
    ((function, argument),) = value.items()
    if function == "Ref":
        return _name(template, argument)
    if function == "Fn::GetAtt":
        return _arn(template, argument[0])
    if function == "Fn::Sub":
        names = re.compile(r"\$\{([\w:]+)(\.\w+)*\}")
        return names.sub(lambda m: _arn(template, m[1]) if m[2] else _name(template, m[1]), argument)
    raise AssertionError(f"{function} in a policy")


def _resolved(template, statement):
    found = dict(statement)
    resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    found["Resource"] = [_text(template, resource) for resource in resources]
    if "Condition" in statement:
        found["Condition"] = {
            operator: {key: _text(template, value) for key, value in wanted.items()}
            for operator, wanted in statement["Condition"].items()
        }
    return found


def _policies():
    for path in TEMPLATES:
        template = parsed(path.stem)
        for name, declared in template["Resources"].items():
            properties = declared.get("Properties", {})
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
            if declared["Type"] == "AWS::IAM::ManagedPolicy":
                documents.append(properties["PolicyDocument"])
            for document in documents:
                statements = [_resolved(template, statement) for statement in document["Statement"]]
                yield pytest.param({"Version": "2012-10-17", "Statement": statements}, id=f"{path.stem}-{name}")


def _findings(policy):
    return [(found.issue, found.detail, found.location) for found in analyze_policy_string(json.dumps(policy)).findings]


@pytest.mark.parametrize("policy", _policies())
def test_parliament_finds_nothing(policy):
    assert _findings(policy) == []


@pytest.mark.parametrize(
    ("field", "value", "issue"),
    [
        ("Action", ["glue:StartJobRunn"], "UNKNOWN_ACTION"),
        ("Resource", ["arn:aws:s3:::bucket/key"], "RESOURCE_MISMATCH"),
        ("Condition", {"StringEquals": {"s3:x-amz-acl": "private"}}, "UNKNOWN_CONDITION_FOR_ACTION"),
    ],
)
def test_parliament_sees_what_is_wrong(field, value, issue):
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["glue:StartJobRun"],
                "Resource": ["arn:aws:glue:eu-west-1:123456789012:job/churn"],
            }
        ],
    }
    assert _findings(policy) == []
    policy["Statement"][0][field] = value
    assert issue in {found[0] for found in _findings(policy)}
