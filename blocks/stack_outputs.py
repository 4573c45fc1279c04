"""A deployed stack as a platform."""

from collections.abc import Mapping

from prefect_aws import AwsCredentials

from blocks.arrivals import ArrivalQueue
from blocks.athena import Athena
from blocks.catalog import GlueCatalog
from blocks.crawlers import GlueCrawler
from blocks.glue import GlueJob
from blocks.metrics import Metrics
from blocks.notify import Topic
from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from infrastructure.aws.glue_workers import parse_workers
from infrastructure.aws.warehouse_users import READERS, SCHEMA


def platform_from_outputs(outputs: Mapping[str, str], credentials: AwsCredentials) -> Platform:
    """Return the Platform block that a stack's outputs describe, in the stack's region whatever that of the caller is."""
    credentials = credentials.model_copy(update={"region_name": outputs["Region"]})
    return Platform(
        lake=outputs["Lake"],
        raw=outputs["Raw"],
        jobs=GlueJob(
            job_name=outputs["JobName"],
            credentials=credentials,
            workers_by_job=parse_workers(outputs.get("JobWorkers", "")),
        ),
        warehouse=_warehouse(outputs, credentials),
        catalog=GlueCatalog(prefix=outputs["CatalogPrefix"], credentials=credentials),
        athena=Athena(workgroup=outputs["AthenaWorkgroup"], credentials=credentials),
        crawlers=[
            GlueCrawler(crawler=outputs["RawCrawlerName"], database=outputs["RawDatabase"], credentials=credentials)
        ],
        arrivals=ArrivalQueue(queue_url=outputs["ArrivalsQueue"], credentials=credentials),
        notifier=Topic(topic_arn=outputs["AlertsTopic"], credentials=credentials),
        metrics=Metrics(job_name=outputs["JobName"], credentials=credentials),
        credentials=credentials,
    )


def _warehouse(outputs: Mapping[str, str], credentials: AwsCredentials) -> RedshiftWarehouse | None:
    """The stack's warehouse, None where it has none: a user may give the block another one.

    Loads run in its network, people's queries do not.
    """
    if "WarehouseHost" not in outputs:
        return None
    return RedshiftWarehouse(
        host=outputs["WarehouseHost"],
        database=outputs["WarehouseDatabase"],
        secret_arn=outputs["LoaderSecretArn"],
        workgroup=outputs["WarehouseWorkgroup"],
        query_route="data-api",
        reader_secret_arn=outputs["ReaderSecretArn"],
        schema_name=SCHEMA,
        iam_role=outputs["CopyRoleArn"],
        credentials=credentials,
        bi_group=READERS,
    )
