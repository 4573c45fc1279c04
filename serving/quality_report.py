"""The quality report: one self-contained HTML file, from the results of jobs."""

from collections.abc import Sequence
from dataclasses import dataclass

from contract.tables import LAYERS
from lake.results import HeldFile, JobResult, Results, accounts_of, total
from lake.storage import Folder
from serving.lineage.picture import gold_trails, picture
from serving.pages import render as render_page

_RUNS_SHOWN = 30
_HELD_SHOWN = 20
_ACCOUNTS_SHOWN = 50
_GATED = "silver.customers"
_SPARK_WIDTH, _SPARK_HEIGHT = 160, 36


@dataclass(frozen=True)
class TableReport:
    """The newest result of a table that saw data, and the ones before it, oldest first."""

    newest: JobResult
    history: Sequence[JobResult]

    @property
    def name(self) -> str:
        """Return the name of the table."""
        return str(self.newest.table)

    def trend(self) -> str:
        """Return the points of an SVG polyline: rows of each batch over the runs."""
        values = [_batch_rows(result) for result in self.history]
        top = max(values, default=0) or 1
        step = _SPARK_WIDTH / max(1, len(values) - 1)
        return " ".join(
            f"{i * step:.1f},{_SPARK_HEIGHT - 2 - value / top * (_SPARK_HEIGHT - 4):.1f}"
            for i, value in enumerate(values)
        )


def _batch_rows(result: JobResult) -> int:
    return result.rows_read if result.statistics.rows is None else result.statistics.rows


REPORT = "_reports/quality.html"


def write_report(lake: Folder) -> str:
    """Write the report of everything known about `lake` and return its place."""
    lake.write_text(REPORT, render(Results(lake)))
    return lake.uri(REPORT)


def render(results: Results) -> str:
    """Return the report as HTML."""
    run_ids = results.run_ids()[-_RUNS_SHOWN:]
    runs = [(run_id, results.for_run(run_id)) for run_id in run_ids]
    shown = [result for _, found in runs for result in found]
    accounts = accounts_of(reversed(shown))
    return render_page(
        "quality.html.j2",
        held=_held(shown),
        held_shown=_HELD_SHOWN,
        accounts=accounts,
        accounts_shown=_ACCOUNTS_SHOWN,
        total=total(accounts),
        tables=_tables(shown),
        runs=list(reversed(runs)),
        width=_SPARK_WIDTH,
        height=_SPARK_HEIGHT,
        picture=picture(),
        trails=gold_trails(),
    )


def _held(results: Sequence[JobResult]) -> tuple[HeldFile, ...]:
    """The files that are held: each result of the gate names all of them, so the newest one says it."""
    return next((result.held for result in reversed(results) if result.job == "silver" and result.table == _GATED), ())


def _tables(results: Sequence[JobResult]) -> list[TableReport]:
    grouped: dict[str, list[JobResult]] = {}
    for result in results:
        if result.is_batch and result.outcome != "unchanged" and result.checks:
            grouped.setdefault(str(result.table), []).append(result)
    ordered = sorted(grouped.values(), key=lambda found: (LAYERS.index(found[-1].job), str(found[-1].table)))
    return [TableReport(found[-1], found) for found in ordered]
