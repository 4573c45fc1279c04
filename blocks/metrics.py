"""Figures of a run for CloudWatch, where alarms and dashboards read them."""

from botocore.exceptions import BotoCoreError, ClientError
from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field

from blocks.aws import aws_client
from contract.errors import PlatformError

NAMESPACE = "Churn"


class Metrics(Block):
    """CloudWatch metrics of one platform, in the namespace `Churn`, told apart by the name of its Glue job."""

    _block_type_name = "Churn Metrics"
    _block_type_slug = "churn-metrics"
    _description = "Writes figures of the pipeline's runs to CloudWatch."

    job_name: str = Field(title="Job", description="Value of the dimension JobName, by which alarms find the metrics.")
    credentials: AwsCredentials = Field(
        default_factory=AwsCredentials, title="AWS credentials", description="Account and region of the metrics."
    )

    def put(self, name: str, value: float) -> None:
        """Write one figure as of now. Raises PlatformError."""
        try:
            aws_client(self.credentials, "cloudwatch").put_metric_data(
                Namespace=NAMESPACE,
                MetricData=[
                    {
                        "MetricName": name,
                        "Dimensions": [{"Name": "JobName", "Value": self.job_name}],
                        "Value": value,
                        "Unit": "None",
                    }
                ],
            )
        except (BotoCoreError, ClientError) as error:
            raise PlatformError(f"CloudWatch did not take the metric {name}: {error}") from error
