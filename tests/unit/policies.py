"""The policies of a template, evaluated as IAM does: an action of a statement, a resource that its patterns match, its condition."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

NAMES = {
    "AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "1", "AWS::StackName": "churn",
    "Job": "churn", "RawCrawler": "churn-raw", "Workgroup": "churn", "JobRole": "role", "GlueSecurity": "churn",
    "SilverDatabase": "churn_silver", "GoldDatabase": "churn_gold", "RawDatabase": "churn_raw",
}  # fmt: skip
# Of what a statement has as a condition, what a call gives by which name.
_CONTEXT = {
    "cloudwatch:namespace": "namespace",
    "redshift-data:statement-owner-iam-userid": "owner",
    "kms:ViaService": "via",
}


def allows(template: Mapping[str, Any], name: str, action: str, resource: str, **context: str) -> bool:
    """Whether the policies of the role or policy `name` allow an action on a resource: the ARN of X in a template is arn:X."""
    for statement in statements(template, name):
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        wanted = statement.get("Condition", {}).get("StringEquals", {})
        if (
            action in statement["Action"]
            and any(fnmatchcase(resource, _resolved(pattern)) for pattern in resources)
            and all(_resolved(value) == context.get(_CONTEXT[key]) for key, value in wanted.items())
        ):
            return True
    return False


def statements(template: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The statements of a role's policies, or of a policy."""
    properties = template["Resources"][name]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())] or [
        properties["PolicyDocument"]
    ]
    return [statement for document in documents for statement in document["Statement"]]


def _resolved(value: Any) -> str:
    """A resource of a statement as text: of what is no name, its logical id, `arn:<id>` for its ARN."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::GetAtt":
        return f"arn:{argument[0]}"
    if function == "Ref":
        return NAMES.get(argument, str(argument))
    return re.sub(r"\$\{([\w:.]+)\}", lambda m: NAMES.get(m[1]) or f"arn:{m[1].removesuffix('.Arn')}", argument)
