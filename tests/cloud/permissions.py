"""What AWS asks a permission for when it gets a request: actions, each with its resource, as IAM names them.

Everything of the template is encrypted with its key, which AWS uses with the rights of whoever asks; and the Data API reads
the secret that it is given. One that is not known here is an action that no policy has.
"""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote

from moto.athena.models import athena_backends

from tests.cloud.stand_in import ACCOUNT, REGION, read_body
from tests.unit.policies import NAMES

_IN_BUCKET = {"location": "s3:GetBucketLocation", "uploads": "s3:ListBucketMultipartUploads"}
_OF_OBJECT = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "POST": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}
_OF_UPLOAD = _OF_OBJECT | {"GET": "s3:ListMultipartUploadParts", "DELETE": "s3:AbortMultipartUpload"}
# Beside a request's own: they change what is asked of a list or an object, not who may ask.
_PLAIN = {
    *("list-type", "prefix", "delimiter", "max-keys", "start-after", "continuation-token", "encoding-type"),
    *("fetch-owner", "marker", "x-id", "partNumber", "uploads", "uploadId", "location"),
}
_KEY_USE = {
    "s3:GetObject": ["kms:Decrypt"],
    "s3:PutObject": ["kms:GenerateDataKey"],
    "secretsmanager:GetSecretValue": ["kms:Decrypt"],
    "sns:Publish": ["kms:Decrypt", "kms:GenerateDataKey"],
    "sqs:ReceiveMessage": ["kms:Decrypt"],
}
_PREFIXES = {"monitoring": "cloudwatch"}  # of IAM, where it is not the name that a request is signed with
_SIGNED = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/")
Names = Mapping[str, str]


@dataclass(frozen=True)
class Permission:
    """An action, the ARN of its resource, and what conditions ask about (see `tests.unit.policies`)."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def signed_by(environ: Mapping[str, Any]) -> tuple[str, str]:
    """The key id that a request is signed with, and the service that it is for; empty where it is not signed."""
    found = _SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
    return (found[1], found[2]) if found else ("", "")


def permissions(environ: dict[str, Any], names: Names) -> list[Permission]:
    """Every permission that a request needs. `names` say which resource of the template a name in it is."""
    _, service = signed_by(environ)
    own = _of_s3(environ, names) if service == "s3" else _of_service(service, environ, names)
    return [*own, *(use for permission in own for use in _key_use(permission.action))]


def _key_use(action: str) -> list[Permission]:
    via = f"{action.partition(':')[0]}.{NAMES['AWS::Region']}.amazonaws.com"
    return [Permission(use, "arn:Key", {"via": via}) for use in _KEY_USE.get(action, ())]


def _of_s3(environ: dict[str, Any], names: Names) -> list[Permission]:
    return [Permission(action, _s3_arn(place, names)) for action, place in _s3_actions(environ)]


def _s3_arn(place: str, names: Names) -> str:
    bucket, slash, key = place.partition("/")
    return f"arn:{names.get(bucket, bucket)}{slash}{key}"


def _s3_actions(environ: dict[str, Any]) -> list[tuple[str, str]]:
    """Actions, each with `bucket` or `bucket/key`."""
    method, place = environ["REQUEST_METHOD"], environ["PATH_INFO"].strip("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if method == "POST" and "delete" in query:
        return [("s3:DeleteObject", f"{place}/{key}") for key in _deleted_keys(environ)]
    if unknown := query.keys() - _PLAIN:
        return [(f"{method} with {', '.join(sorted(unknown))}", place)]
    if "/" not in place:
        return [(_of_bucket(method, query), place)]
    actions = _OF_UPLOAD if "uploadId" in query else _OF_OBJECT
    source = environ.get("HTTP_X_AMZ_COPY_SOURCE")
    read = [("s3:GetObject", unquote(source).strip("/"))] if source else []
    return [*read, (actions.get(method, method), place)]


def _of_bucket(method: str, query: Mapping[str, Any]) -> str:
    if method not in ("GET", "HEAD"):
        return f"{method} of a bucket"
    return next((action for name, action in _IN_BUCKET.items() if name in query), "s3:ListBucket")


def _deleted_keys(environ: dict[str, Any]) -> list[str]:
    return [found.text or "" for found in ET.fromstring(read_body(environ)).iterfind("{*}Object/{*}Key")]


def _of_service(service: str, environ: dict[str, Any], names: Names) -> list[Permission]:
    operation, asked = _request(environ)
    action = f"{_PREFIXES.get(service, service)}:{operation}"
    if action == "sts:GetCallerIdentity":  # which needs none
        return []
    context = {"namespace": asked.get("Namespace", ""), "owner": "${aws:userid}"}
    own = [Permission(action, resource, context) for resource in _resources(service, operation, asked, names)]
    if service == "redshift-data" and "SecretArn" in asked:
        secret = Permission("secretsmanager:GetSecretValue", names.get(asked["SecretArn"], asked["SecretArn"]))
        return [*own, secret]
    return own


def _request(environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The operation, and what it is asked with: JSON, or a form."""
    target, body = environ.get("HTTP_X_AMZ_TARGET"), read_body(environ)
    if target:
        return target.rpartition(".")[2], json.loads(body or b"{}")
    asked = dict(parse_qsl(body.decode()))
    return asked.get("Action", "unknown"), asked


def _resources(service: str, operation: str, asked: Mapping[str, Any], names: Names) -> list[str]:
    """The resources that a call needs its action on: all of them."""

    def called(name: str) -> str:
        """A resource as the policies refer to it."""
        return NAMES.get(names.get(name, name), names.get(name, name))

    if service == "glue":
        return [_here(service, place) for place in _glue_places(operation, asked, called)]
    if service == "logs" and "logStreamName" in asked:
        return [_here(service, f"log-group:{asked['logGroupName']}:log-stream:{asked['logStreamName']}")]
    if service == "athena":
        return [_here(service, f"workgroup/{called(_workgroup(asked))}")]
    if service == "sqs" and "QueueUrl" in asked:
        return [f"arn:{called(asked['QueueUrl'])}"]
    if service in ("redshift-serverless", "redshift-data"):
        workgroup = asked.get("workgroupName") or asked.get("WorkgroupName")
        return [f"arn:{called(workgroup)}" if workgroup else "*"]
    return [called(asked.get("TopicArn") or asked.get("SecretId") or "*")]


def _here(service: str, place: str) -> str:
    return f"arn:aws:{service}:{NAMES['AWS::Region']}:{NAMES['AWS::AccountId']}:{place}"


def _glue_places(operation: str, asked: Mapping[str, Any], called: Callable[[str], str]) -> list[str]:
    """Of a table, also its database and the catalog are resources."""
    if "JobName" in asked:
        return [f"job/{called(asked['JobName'])}"]
    if operation.endswith("Crawler"):
        return [f"crawler/{called(asked['Name'])}"]
    if "DatabaseName" in asked:
        database, table = called(asked["DatabaseName"]), asked.get("Name") or asked.get("TableInput", {}).get("Name")
        return ["catalog", f"database/{database}", f"table/{database}/{table or '*'}"]
    if operation == "GetDatabase":
        return ["catalog", f"database/{called(asked['Name'])}"]
    return ["*"]


def _workgroup(asked: Mapping[str, Any]) -> str:
    """The workgroup of a query: only its start names it."""
    execution = athena_backends[ACCOUNT][REGION].executions.get(asked.get("QueryExecutionId", ""))
    found = execution.workgroup.name if execution and execution.workgroup else "*"
    return str(asked.get("WorkGroup") or found)
