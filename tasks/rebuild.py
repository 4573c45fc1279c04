"""The rebuild of silver, gold and the warehouse: asked for until it is done, by whichever run."""

from prefect import task

from blocks.platform import Platform
from contract.log import LOGGER
from lake.rebuild import RebuildRequest
from tasks.defaults import RETRY_ON_OUTAGE, TAGS


@task(name="request-rebuild", task_run_name="rebuild", tags=TAGS, **RETRY_ON_OUTAGE, persist_result=False)
def request_rebuild(platform: Platform, *, wanted: bool) -> bool:
    """Record that everything is to be rebuilt, where this run is `wanted` to; return whether it rebuilds.

    It also does where an earlier request is open: its run was interrupted, or a table was repaired. The gold job closes the
    request. Raises LakeError.
    """
    request = RebuildRequest(platform.folder())
    if wanted:
        request.ask()
        return True
    if request.read() is None:
        return False
    LOGGER.info("silver, gold and the warehouse are rebuilt: that was asked for before, and is not complete yet")
    return True
