"""The erasure of customers: asked for beside the lake, done by the next run. No id is a parameter, in a log or in a message."""

from prefect import task

from blocks.platform import Platform
from contract.log import LOGGER
from lake.erasure.ids import read_ids
from lake.erasure.request import ErasureRequest
from lake.erasure.upkeep import WarehouseUpkeep
from tasks.defaults import RETRY_ON_OUTAGE, TAGS
from tasks.glue import run_glue_job
from tasks.runs import new_run_id


def erase_customers(platform: Platform, raw: str) -> tuple[str, ...]:
    """Erase the customers who are asked for and return the receipt in lines, none where nobody is. Raises LakeError."""
    if not ErasureRequest(platform.folder()).exists():
        return ()
    (result,) = run_glue_job(platform, "forget", new_run_id(), {"raw": raw})
    for line in result.notes:
        LOGGER.info("%s", line)
    return result.notes


def is_vacuum_due(platform: Platform) -> bool:
    """Return whether the warehouse has to forget what a load has replaced: since an erasure it has not."""
    return platform.warehouse is not None and WarehouseUpkeep(platform.folder()).is_due()


@task(name="request-erasure", task_run_name="erasure", tags=TAGS, **RETRY_ON_OUTAGE, persist_result=False)
def request_erasure(platform: Platform, file: str) -> int:
    """Ask for the erasure of the customers in a list, one id a line, and return how many these are. Raises LakeError."""
    count = ErasureRequest(platform.folder()).add(read_ids(file, platform.s3_client()))
    LOGGER.info("erasure: %s customers asked for", f"{count:,}")
    return count
