"""The role of the Glue job: every request that the script makes is judged by the policy that the template gives it.

moto can enforce policies, but not this one: it judges the deletion of several objects by their bucket, a copy by its target
alone and a call of another service without its resource, and takes every condition for fulfilled. What S3 itself asks of the
key (kms:GenerateDataKey, kms:Decrypt), and what Glue does with the role beside the script, are no requests here.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.cloud.stand_in import JOB_KEY_ID, Respond, read_body, xml_error
from tests.unit.policies import allows
from tests.unit.templates import parsed

ROLE = "JobRole"
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
Action = tuple[str, str]


class JobRole:
    """A guard of the cloud. `buckets` are those of the template by their names here.

    `used` are the actions that were asked for, `refused` those, and of what, that the policy does not allow.
    """

    def __init__(self) -> None:
        self.buckets: dict[str, str] = {}
        self.used: set[str] = set()
        self.refused: list[Action] = []
        self._template = parsed()

    def reset(self) -> None:
        self.buckets = {"raw": "RawBucket", "lake": "LakeBucket"}
        self.used.clear()
        self.refused.clear()

    def __call__(self, operation: str, environ: dict[str, Any]) -> Respond | None:
        if f"Credential={JOB_KEY_ID}/" not in environ.get("HTTP_AUTHORIZATION", ""):
            return None
        wanted = s3_actions(environ) if operation.startswith("S3 ") else [(operation, "*")]
        refused = [(action, self._arn(place)) for action, place in wanted if not self._allows(action, place)]
        self.used |= {action for action, _ in wanted}
        self.refused += refused
        return xml_error("AccessDenied", "403 Forbidden") if refused else None

    def _allows(self, action: str, place: str) -> bool:
        return allows(self._template, ROLE, action, self._arn(place))

    def _arn(self, place: str) -> str:
        bucket, slash, key = place.partition("/")
        return f"arn:{self.buckets.get(bucket, bucket)}{slash}{key}"


def s3_actions(environ: dict[str, Any]) -> list[Action]:
    """What AWS asks the permission for: actions, and `bucket` or `bucket/key`. One that is not known here is no action of S3."""
    method, place = environ["REQUEST_METHOD"], environ["PATH_INFO"].strip("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if method == "POST" and "delete" in query:
        return [("s3:DeleteObject", f"{place}/{key}") for key in _keys(environ)]
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


def _keys(environ: dict[str, Any]) -> list[str]:
    """The keys of a deletion."""
    return [found.text or "" for found in ET.fromstring(read_body(environ)).iterfind("{*}Object/{*}Key")]
