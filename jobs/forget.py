"""Customers whose erasure has been asked for, out of the lake and the raw folder."""

from urllib.parse import unquote

from jobs.context import JobContext, Timer
from jobs.damage import stored_tables
from lake.erasure.erase import Erasure
from lake.erasure.request import ErasureRequest
from lake.results import JobResult


def run(context: JobContext) -> list[JobResult]:
    """Erase who is asked for, from tables in place, and return one result, unchanged where nobody is.

    Its notes are the receipt. The next run rebuilds silver and gold. Raises LakeError, DamagedDocumentError.
    """
    timer, request = Timer(), ErasureRequest(context.lake.root).read()
    if not request.ids:
        return [context.unchanged("nobody is to be erased")]
    newest = {
        table.name: {unquote(file) for file in context.lake.data_files(table)} for table in stored_tables(context.lake)
    }
    receipt = Erasure(context.lake.root, context.raw, request, newest, context.run_id, context.started_at).run()
    context.lake.forget_logs()
    return [context.record("passed", timer, notes=receipt.lines())]
