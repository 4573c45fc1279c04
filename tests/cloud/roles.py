"""The roles of the template: every request that one of them makes is judged by the policies that the template gives it.

moto can enforce policies, but not these: it judges the deletion of several objects by their bucket, a copy by its target
alone and a call of another service without its resource, and takes every condition for fulfilled. What Glue does with the
job's role beside the script, and Athena with the rights of who queries, are no requests here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.notify import Topic
from blocks.platform import Platform
from infrastructure.aws.worker import worker_parameters
from tests.cloud.permissions import Permission, permissions, signed_by
from tests.cloud.stand_in import (
    ANALYST_KEY_ID,
    COPY_KEY_ID,
    JOB_KEY_ID,
    ORCHESTRATOR_KEY_ID,
    Respond,
    json_error,
    query_error,
    xml_error,
)  # fmt: skip
from tests.unit.policies import allows
from tests.unit.templates import parsed


class Role:
    """A guard of the cloud: whoever makes requests with `key_id` may do what `policies` of the template allow.

    `used` are the actions that were asked for, `refused` those, and of what, that no policy allows.
    """

    def __init__(self, key_id: str, policies: Sequence[str], names: Mapping[str, str]) -> None:
        self.template, self.policies = parsed(), tuple(policies)
        self.used: set[str] = set()
        self.refused: list[tuple[str, str]] = []
        self._key_id, self._names = key_id, names

    def __call__(self, operation: str, environ: dict[str, Any]) -> Respond | None:
        key_id, service = signed_by(environ)
        if key_id != self._key_id:
            return None
        wanted = permissions(environ, self._names)
        refused = [(asked.action, asked.resource) for asked in wanted if not self._allows(asked)]
        self.used |= {asked.action for asked in wanted}
        self.refused += refused
        return _denial(service, *refused[0]) if refused else None

    def _allows(self, asked: Permission) -> bool:
        return any(allows(self.template, name, asked.action, asked.resource, **asked.context) for name in self.policies)


class Roles:
    """The identities of a deployed platform; a deployer's requests are not judged.

    `names` are what resources of the template are called in the cloud, with their names in the template.
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.job = Role(JOB_KEY_ID, ["JobRole"], self.names)
        self.orchestrator = Role(ORCHESTRATOR_KEY_ID, worker_policies(parsed()), self.names)
        self.analyst = Role(ANALYST_KEY_ID, ["AnalystPolicy"], self.names)
        self.copy = Role(COPY_KEY_ID, ["CopyRole"], self.names)
        self.all = (self.job, self.orchestrator, self.analyst, self.copy)

    def reset(self) -> None:
        self.names.clear()
        self.names.update({"raw": "RawBucket", "lake": "LakeBucket"})
        for role in self.all:
            role.template = parsed()
            role.used.clear()
            role.refused.clear()

    def work_on(self, platform: Platform) -> None:
        """Take the resources that a platform's block names for those of the template, and no others."""
        self.names.clear()
        self.names.update(_names(platform))

    @property
    def refused(self) -> list[tuple[str, str]]:
        return [refusal for role in self.all for refusal in role.refused]


def worker_policies(template: Mapping[str, Any]) -> list[str]:
    """The policies that the worker's stack attaches to its role: it is given them by outputs of the lakehouse."""
    named = {name: output["Value"] for name, output in template["Outputs"].items() if isinstance(output["Value"], dict)}
    outputs = {name: value["Ref"] for name, value in named.items() if "Ref" in value}
    return worker_parameters(None, outputs, "", {})["WorkerPolicyArns"].split(",")


def _names(platform: Platform) -> dict[str, str]:
    """The resources that a platform's block names, with their names in the template."""
    named = {"LakeBucket": _bucket(platform.lake), "RawBucket": _bucket(platform.raw)}
    if isinstance(platform.notifier, Topic):
        named["Alerts"] = platform.notifier.topic_arn
    if platform.arrivals:
        named["Arrivals"] = platform.arrivals.queue_url
    if platform.warehouse:
        named["LoaderSecret"] = platform.warehouse.secret_arn
        named["ReaderSecret"] = platform.warehouse.reader_secret_arn
        named["RedshiftWorkgroup"] = platform.warehouse.workgroup
    return {name: resource for resource, name in named.items() if name}


def _bucket(place: str) -> str:
    return place.removeprefix("s3://").partition("/")[0]


def _denial(service: str, action: str, resource: str) -> Respond:
    """What AWS answers, in the words of the service's protocol."""
    message = f"not authorized to perform: {action} on resource: {resource}"
    if service == "s3":
        return xml_error("AccessDenied", "403 Forbidden")
    if service == "sns":
        return query_error("AuthorizationError", message)
    return json_error("AccessDeniedException", message)
