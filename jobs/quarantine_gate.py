"""The gate on quarantined rows: a delivery of which too many rows break rules is held, and the others go on."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce

from pyspark.sql import DataFrame

from contract.errors import DamagedDocumentError
from contract.feeds import FEEDS
from contract.tables import TABLES
from jobs.context import JobContext
from lake.deliveries import LOST, NOTHING_JUDGED, Delivery, Reason, judged, masked, settled, with_superseded
from lake.rebuild import RebuildRequest
from transforms import deliveries as transform

CUSTOMERS = TABLES["silver.customers"]
_REASONS = 3


@dataclass(frozen=True)
class Judgement:
    """What was decided: the deliveries that were `measured`, with their rows, and every delivery with a record."""

    measured: tuple[Delivery, ...]
    deliveries: tuple[Delivery, ...]

    @property
    def rows(self) -> int:
        """Return how many rows were judged."""
        return sum(delivery.rows for delivery in self.measured)

    @property
    def quarantined(self) -> int:
        """Return how many of them are quarantined."""
        return sum(delivery.quarantined for delivery in self.measured)

    @property
    def held(self) -> list[Delivery]:
        """Return the deliveries that are held, in this run or before."""
        return [delivery for delivery in self.deliveries if delivery.state == "held"]

    @property
    def left_out(self) -> set[tuple[int, str]]:
        """Return the keys of the deliveries that do not count."""
        return {delivery.key for delivery in self.deliveries if delivery.is_left_out}


def judge(context: JobContext, typed: Mapping[str, DataFrame], passed_until: int) -> Judgement:
    """Judge the deliveries of conformed rows, by feed, and record what is held. Raises DamagedDocumentError.

    What has passed until the batch `passed_until` is not judged again, so that a rebuild has what the table had.
    """
    measured = _measured(typed)
    before = context.deliveries.read()
    found = judged(measured, before, limit=context.max_quarantined_share, passed_until=passed_until)
    held = {delivery.key: _recorded(context, delivery) for delivery in _with_reasons(typed, found)}
    after = [*(delivery for delivery in before if delivery.key not in held), *held.values()]
    recorded = record(context, before, after)
    return Judgement(tuple(measured), recorded)


def record(context: JobContext, before: Sequence[Delivery], after: Sequence[Delivery]) -> tuple[Delivery, ...]:
    """Record deliveries in place of those `before`, and return them, held ones that have come again as superseded."""
    found = list(after)
    if any(delivery.state == "held" for delivery in found):
        found = with_superseded(found, context.manifests.register())
    # Also where there is nothing to say: from the first run on a list that is missing is a lost one.
    if found != list(before) or not context.deliveries.exist():
        context.deliveries.write(found)
    return tuple(found)


def settle(context: JobContext, judgement: Judgement, judged_until: int) -> None:
    """Record that all deliveries until a batch have been judged, after the tables with those that have passed are published."""
    after = settled(judgement.deliveries)
    if after != list(judgement.deliveries) or judged_until > context.deliveries.judged_until():
        context.deliveries.write(after, judged_until)


def recover(context: JobContext) -> tuple[str, ...]:
    """Restore the list of what is held, discarded or accepted, where it is lost; return what was done, in words.

    Without a copy of it everything is judged again by the next rebuild, which is asked for.
    """
    with suppress(DamagedDocumentError):
        restored = context.deliveries.restore()
        is_lost = not context.deliveries.exist() and context.lake.watermark(CUSTOMERS) >= 0
        if not is_lost:
            return restored
    RebuildRequest(context.lake.root).ask()  # first: without it the list below would not be true
    context.deliveries.write((), NOTHING_JUDGED)
    return (LOST,)


def _measured(typed: Mapping[str, DataFrame]) -> list[Delivery]:
    frames = [transform.measure(rows, FEEDS[feed]) for feed, rows in typed.items()]
    return [
        Delivery(row["_source_file"], row["feed"], row["_batch_id"], "held", row["rows"], row["quarantined"])
        for row in reduce(DataFrame.unionByName, frames).collect()
    ]


def _with_reasons(typed: Mapping[str, DataFrame], deliveries: Sequence[Delivery]) -> list[Delivery]:
    if not deliveries:
        return []
    feeds = sorted({delivery.feed for delivery in deliveries})
    reasons: dict[tuple[int, str], list[Reason]] = {delivery.key: [] for delivery in deliveries}
    for row in reduce(DataFrame.unionByName, (transform.reasons(typed[feed]) for feed in feeds)).collect():
        example = row["most_frequent"]
        shown = masked(example["value"], example["customers"]) if example else ""
        reasons.get((row["_batch_id"], row["_source_file"]), []).append(Reason(row["rule"], row["rows"], shown))
    return [
        replace(delivery, reasons=tuple(sorted(reasons[delivery.key], key=lambda r: (-r.rows, r.rule))[:_REASONS]))
        for delivery in deliveries
    ]


def _recorded(context: JobContext, delivery: Delivery) -> Delivery:
    return replace(delivery, since=context.started_at.isoformat(), run_id=context.run_id)
