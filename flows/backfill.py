"""Ingest the raw files of a range of days, one day after another, as if each had been loaded on its day."""

from datetime import date, timedelta

from prefect import flow

from blocks.platform import Platform
from contract import defaults
from flows.churn_pipeline import churn_pipeline
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
    Raises RawPathError when `end` is before `start` or the raw folder is empty.
    """
    files = days_with_files(platform, raw or platform.raw, start, end)
    days = [
        _day(platform, raw, start + timedelta(n), files, max_quarantined_share) for n in range((end - start).days + 1)
    ]
    publish_backfill(days)
    return days


def _day(platform: Platform, raw: str, day: date, files: dict[date, int], share: float) -> Day:
    if day not in files:
        return Day(day, 0, 0)
    run = churn_pipeline(platform, raw, max_quarantined_share=share, day=day)
    return Day(day, files[day], sum(r.rows_written for r in run.results if r.job == "bronze"))
