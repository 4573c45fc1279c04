"""Ingest the raw files of a range of days, one day after another, as if each had been loaded on its day."""

from datetime import date, timedelta

from prefect import flow

from blocks.platform import Platform
from contract import defaults
from flows.churn_pipeline import PipelineResult, churn_pipeline
from tasks.outages import Outages
from tasks.raw import Day, days_with_files, publish_backfill


@flow(name="backfill", flow_run_name="backfill {start} to {end}", persist_result=False)
def backfill(
    platform: Platform,
    start: date,
    end: date,
    raw: str = "",
    max_quarantined_share: float = defaults.MAX_QUARANTINED_SHARE,
) -> list[Day]:
    """Run the pipeline for every day from `start` to `end` (both included) that has files; return a summary per day.

    What was ingested before is not ingested again. Days without files are named, not run.
    Raises RawPathError when `end` is before `start` or the raw folder is empty, and at the end OutageError where the last
    day that was run lacks an external service: it would have made up for those before.
    """
    files, outages = days_with_files(platform, raw or platform.raw, start, end), Outages()
    days = []
    for day in (start + timedelta(n) for n in range((end - start).days + 1)):
        run = None
        if day in files:
            run = outages.attempt(
                "a part of the last day",
                churn_pipeline,
                platform,
                raw,
                max_quarantined_share=max_quarantined_share,
                day=day,
            )
        days.append(_summary(day, files.get(day, 0), run))
    publish_backfill(days)
    outages.raise_if_any()
    return days


def _summary(day: date, files: int, run: PipelineResult | None) -> Day:
    """The summary of a day; how many rows came is not known of a run that failed at its end."""
    rows = sum(r.rows_written for r in run.results if r.job == "bronze") if run else None
    return Day(day, files, rows if files else 0)
