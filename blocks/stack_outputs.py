"""A deployed stack as a platform."""

from collections.abc import Mapping

from prefect_aws import AwsCredentials

from blocks.arrivals import ArrivalQueue
from blocks.athena import Athena
from blocks.aws import aws_client
from blocks.catalog import GlueCatalog
from blocks.crawlers import GlueCrawler
from blocks.glue import GlueJob
from blocks.notify import Topic
from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from infrastructure.aws.calls import aws_errors_as


def platform_from_outputs(outputs: Mapping[str, str], credentials: AwsCredentials) -> Platform:
    """Return the Platform block that a stack's outputs describe. Raises PlatformError."""
    warehouse = RedshiftWarehouse(
        host=outputs.get("WarehouseHost", ""),
        database=outputs["WarehouseDatabase"],
        secret_arn=_secret(outputs, credentials),
        iam_role=outputs["CopyRoleArn"],
        credentials=credentials,
        bi_group="churn_readers",
    )
    return Platform(
        lake=outputs["Lake"],
        raw=outputs["Raw"],
        jobs=GlueJob(job_name=outputs["JobName"], credentials=credentials),
        warehouse=warehouse,
        catalog=GlueCatalog(prefix=outputs["CatalogPrefix"], credentials=credentials),
        athena=Athena(workgroup=outputs["AthenaWorkgroup"], credentials=credentials),
        crawlers=[
            GlueCrawler(
                crawler=outputs[f"{place}CrawlerName"], database=outputs[f"{place}Database"], credentials=credentials
            )
            for place in ("Raw", "Delta")
        ],
        arrivals=ArrivalQueue(queue_url=outputs["ArrivalsQueue"], credentials=credentials),
        notifier=Topic(topic_arn=outputs["AlertsTopic"], credentials=credentials),
        credentials=credentials,
    )


def _secret(outputs: Mapping[str, str], credentials: AwsCredentials) -> str:
    """The secret that Redshift manages for its administrator: no output of the namespace names it."""
    namespace = outputs.get("WarehouseNamespace")
    if namespace is None:
        return ""
    with aws_errors_as(f"reading the namespace {namespace}"):
        found = aws_client(credentials, "redshift-serverless").get_namespace(namespaceName=namespace)
    return str(found["namespace"]["adminPasswordSecretArn"])
