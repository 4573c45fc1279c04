"""Looks at a deployed platform without changing anything: what is there, what is wrong, what to do."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from contract.errors import PlatformError
from infrastructure.aws.calls import error_code
from infrastructure.aws.wheels import GLUE_VERSION

Outcome = Literal["ok", "warning", "failed"]
_CONNECT_SECONDS = 5.0
_EVERYBODY = "IAM_ALLOWED_PRINCIPALS"


@dataclass(frozen=True)
class Finding:
    """One check: its `subject`, the outcome, what was `found`, and what to do (`remedy`) where it is not ok."""

    subject: str
    outcome: Outcome
    found: str
    remedy: str = ""


def looked_at(subject: str, look: Callable[[], Finding | tuple[str, ...]]) -> Finding:
    """Return what a look at one thing finds; a look that AWS refuses is a finding too.

    `look` returns a finding, or the words for what is in order.
    """
    try:
        found = look()
    except ClientError as error:
        remedy = f"allow {error.operation_name} for these credentials, or correct the name in the block"
        return Finding(subject, "failed", f"{error.operation_name}: {error_code(error)}", remedy)
    except BotoCoreError as error:
        return Finding(subject, "failed", str(error), "check credentials, region and network")
    return found if isinstance(found, Finding) else Finding(subject, "ok", ", ".join(found))


def identity(sts: Any) -> Finding:
    """Who asks."""
    return looked_at("credentials", lambda: (sts.get_caller_identity()["Arn"],))


def job(glue: Any, name: str, package_digest: Callable[[], str]) -> Finding:
    """Return whether the Glue job is the one that this version of the project deploys, as the digest of its package says."""
    subject = f"Glue job {name}"

    def look() -> Finding | tuple[str, ...]:
        found = glue.get_job(JobName=name)["Job"]
        if found.get("GlueVersion") != GLUE_VERSION:
            return Finding(
                subject, "failed", f"Glue {found.get('GlueVersion')}", f"it needs {GLUE_VERSION}: churn deploy"
            )
        if found.get("ExecutionProperty", {}).get("MaxConcurrentRuns") != 1:
            return Finding(subject, "failed", "several runs at a time", "two writers lose commits on S3: churn deploy")
        try:
            digest = package_digest()
        except PlatformError as error:
            return Finding(subject, "warning", f"runs {found['Command']['ScriptLocation']}", str(error))
        if digest not in found["Command"]["ScriptLocation"]:
            return Finding(
                subject,
                "failed",
                f"runs {found['Command']['ScriptLocation']}, this is version {digest}",
                "churn deploy",
            )
        return f"version {digest}", f"{found.get('NumberOfWorkers')} × {found.get('WorkerType')}"

    return looked_at(subject, look)


def bucket(s3: Any, place: str, *, is_versioned: bool) -> Finding:
    """Return whether the bucket of `place` (s3://…) is there, encrypted with a key of ours and, where wanted, versioned."""
    name = urlsplit(place).netloc
    subject = f"bucket {name}"

    def look() -> Finding | tuple[str, ...]:
        s3.list_objects_v2(Bucket=name, MaxKeys=1)
        rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        algorithms = {rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in rules}
        if "aws:kms" not in algorithms:
            return Finding(
                subject, "warning", f"encrypted with {', '.join(algorithms)}", "use a key of your own: churn deploy"
            )
        if is_versioned and s3.get_bucket_versioning(Bucket=name).get("Status") != "Enabled":
            return Finding(subject, "warning", "not versioned", "deleted files cannot be brought back: churn deploy")
        return ("there, encrypted",)

    return looked_at(subject, look)


def database(glue: Any, name: str) -> Finding:
    """Return whether a database of the catalog is there."""
    return looked_at(f"catalog {name}", lambda: (f"{glue.get_database(Name=name)['Database']['Name']} is there",))


def lake_formation(client: Any) -> Finding:
    """Return whether Lake Formation decides who reads new tables: then the platform's roles need grants."""
    subject = "Lake Formation"

    def look() -> Finding | tuple[str, ...]:
        settings = client.get_data_lake_settings()["DataLakeSettings"]
        allowed = [
            entry.get("Principal", {}).get("DataLakePrincipalIdentifier")
            for entry in settings.get("CreateTableDefaultPermissions", ())
        ]
        if _EVERYBODY in allowed:
            return ("IAM alone decides about new tables",)
        remedy = "deploy with LakeFormationWorkerArn and LakeFormationReaderArn (docs/deploy.md)"
        return Finding(subject, "warning", "it decides about new tables: roles need grants", remedy)

    return looked_at(subject, look)


def workgroup(athena: Any, name: str) -> Finding:
    """Return whether Athena's workgroup takes queries, with a limit on what they scan."""
    subject = f"Athena workgroup {name}"

    def look() -> Finding | tuple[str, ...]:
        found = athena.get_work_group(WorkGroup=name)["WorkGroup"]
        if found["State"] != "ENABLED":
            return Finding(subject, "failed", found["State"].lower(), "enable it")
        limit = found["Configuration"].get("BytesScannedCutoffPerQuery")
        if not limit:
            return Finding(subject, "warning", "no limit on scanned bytes", "churn deploy sets AthenaScanLimitBytes")
        return "enabled", f"{limit:,} bytes a query at most"

    return looked_at(subject, look)


def queue(sqs: Any, url: str) -> Finding:
    """Return whether the queue of arrivals is emptied, and whether messages of it could not be handled."""
    subject = "arrivals"

    def look() -> Finding | tuple[str, ...]:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        waiting = int(attributes.get("ApproximateNumberOfMessages", 0))
        if "RedrivePolicy" not in attributes:
            return Finding(
                subject, "warning", "no dead-letter queue", "a message that cannot be read comes again for ever"
            )
        arn = json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"]
        letters = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        dead = sqs.get_queue_attributes(QueueUrl=letters, AttributeNames=["ApproximateNumberOfMessages"])
        if count := int(dead["Attributes"]["ApproximateNumberOfMessages"]):
            return Finding(subject, "warning", f"{count} dead letters", "docs/runbook.md#alarms-on-aws")
        if waiting:
            return Finding(
                subject, "warning", f"{waiting} messages wait", "does the watcher run? churn watch --platform …"
            )
        return ("empty",)

    return looked_at(subject, look)


def topic(sns: Any, arn: str) -> Finding:
    """Return whether somebody gets the alerts."""
    subject = "alerts"

    def look() -> Finding | tuple[str, ...]:
        attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        confirmed = int(attributes.get("SubscriptionsConfirmed", 0))
        if pending := int(attributes.get("SubscriptionsPending", 0)):
            return Finding(
                subject, "warning", f"{pending} subscriptions are not confirmed", "follow the link in AWS's mail"
            )
        if not confirmed:
            return Finding(subject, "warning", "nobody is subscribed", "churn deploy --parameter AlertEmail=…")
        return (f"{confirmed} subscriptions",)

    return looked_at(subject, look)


def secret(secrets: Any, arn: str) -> Finding:
    """Return whether the login of the warehouse is there; it is not read."""
    return looked_at("login of the warehouse", lambda: (f"{secrets.describe_secret(SecretId=arn)['Name']} is there",))


def network_path(host: str, port: int) -> Finding:
    """Return whether the warehouse can be reached from here: loads need that, queries from elsewhere do not."""
    subject = f"way to {host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_SECONDS):
            return Finding(subject, "ok", "open")
    except OSError as error:
        remedy = "nothing, unless runs start here: loads need the VPC and the group ClientSecurityGroup"
        return Finding(subject, "warning", f"closed from here ({error})", remedy)
