"""Some customers' records, read again from bronze: all that count, in batches up to one."""

from collections.abc import Container, Iterable, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.feeds import FEEDS
from contract.tables import TABLES
from jobs.context import JobContext
from jobs.session import persisted, tune
from jobs.snapshots import Pictures, with_absences
from lake.manifests import Batch
from lake.register import FileEntry, Register
from lake.snapshots import Snapshot
from transforms import silver
from transforms.blanks import with_blanks
from transforms.deliveries import without


def lacking(batches: Iterable[Batch]) -> dict[tuple[int, str], tuple[str, ...]]:
    """Return the columns that files lack, by delivery, where bronze does not tell these from blank ones."""
    old = [batch for batch in batches if batch.has_null_for_blank]
    return {file.key: file.lacks for batch in old for file in batch.files if file.lacks is not None}


def newest_deliveries(
    files: Iterable[FileEntry], discarded: Container[tuple[int, str]], register: Register
) -> dict[str, int]:
    """Return the batch of the newest delivery of every file that is the only one with its path below a raw folder."""
    counted = {file.path: file.batch for file in files if file.key not in discarded}
    shared = register.shared_paths()
    return {path: batch for path, batch in counted.items() if path not in shared}


def records_of(
    context: JobContext,
    customers: DataFrame,
    until: int,
    snapshots: Sequence[Snapshot],
) -> dict[str, DataFrame]:
    """Return the conformed rows, by feed, of customers (column customer_id) in batches up to `until`, and who is missing in `snapshots`.

    Deliveries that are held or discarded do not count.
    """
    left_out = {delivery.key for delivery in context.deliveries.read() if delivery.is_left_out}
    batches = context.manifests.between(-1, until)
    feeds = sorted({file.feed for batch in batches for file in batch.files})
    tune(context.lake.session, sum(context.lake.bytes(TABLES[f"bronze.{feed}"]) for feed in feeds))
    found = {}
    for feed in feeds:
        rows = context.lake.read_declared(TABLES[f"bronze.{feed}"])
        read = without(rows.where(F.col("_batch_id") <= until), left_out)
        received = with_blanks(silver.of_customers(read, customers), FEEDS[feed], lacking(batches))
        found[feed] = persisted(silver.conform(received, FEEDS[feed]))
    return with_absences(context, found, Pictures(earlier=tuple(snapshots)), is_rebuild=False)
