"""The erasure of customers: out of the lake and its raw files, then out of gold, the warehouse and the pages."""

from prefect import flow

from blocks.platform import Platform
from flows.churn_pipeline import PipelineResult, churn_pipeline
from tasks.erasure import request_erasure


@flow(name="forget-customers", flow_run_name="forget-customers", persist_result=False)
def forget_customers(platform: Platform, file: str, raw: str = "") -> PipelineResult:
    """Erase the customers whose ids a file lists, one a line, then bring everything up to date; return what was done.

    `file` is a path of the worker's machine or `s3://bucket/key`, `raw` where raw files are; empty: the platform's. Ids are no
    parameter, because Prefect keeps these. The list is the operator's to remove. The receipt is in `<lake>/_reports`.
    Raises LakeError for a list that cannot be read, and what the pipeline raises: a later run of that does the rest.
    """
    request_erasure(platform, file)
    result: PipelineResult = churn_pipeline(platform, raw)
    return result
