"""The facts of a month for the business review, written by the Glue script, rendered by `serving`."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from contract.errors import LakeError
from lake.documents import Documents
from lake.storage import Folder

MONTHS_SHOWN = 13


@dataclass(frozen=True)
class Month:
    """A calendar month, UTC."""

    year: int
    number: int

    @staticmethod
    def parse(text: str) -> "Month":
        """Return the month that a text names (YYYY-MM). Raises LakeError."""
        try:
            first = date.fromisoformat(f"{text}-01")
        except ValueError as error:
            raise LakeError(f"{text!r} is not a valid month. Give it as YYYY-MM, e.g. 2026-01.") from error
        return Month.containing(first)

    @staticmethod
    def containing(day: date) -> "Month":
        """Return the month that a day (or a moment, UTC) is in."""
        return Month(day.year, day.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def start(self) -> datetime:
        """Return its first moment, UTC."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """Return the start of the next month, UTC."""
        return self.before(-1).start

    def before(self, months: int) -> "Month":
        """Return the month that is so many months earlier; a negative number gives a later one."""
        count = self.year * 12 + self.number - 1 - months
        return Month(count // 12, count % 12 + 1)


@dataclass(frozen=True)
class Review:
    """Facts of one month.

    All but `quality` is by event time, as known at `made_at`; None where nothing is known of that time. `kpis` holds, for each
    of the last `MONTHS_SHOWN` months, oldest first, the KPIs at its end. `groups` are the rows of the breakdown at the end of
    the month. `movements` are [segment before the month, at its end, customers, monthly USD]. `lost` and `won_back` are
    customers and monthly USD; `reasons` are [reason, customers, monthly USD] of customers lost in the month. `quality` counts,
    by table, what the runs of the month did. `recorded_since` is when the first file was read: what was before is known as far as
    later files tell it.
    """

    month: str
    made_at: str
    kpis: dict[str, dict[str, float] | None]
    groups: list[dict[str, Any]] | None = None
    movements: list[list[Any]] | None = None
    lost: dict[str, float] | None = None
    won_back: dict[str, float] | None = None
    reasons: list[list[Any]] | None = None
    quality: list[dict[str, Any]] = field(default_factory=list)
    recorded_since: str = ""


class Reviews:
    """The reviews of one lake: `<lake>/_reviews/<month>.json`."""

    def __init__(self, lake: Folder) -> None:
        self._reviews = Documents(lake / "_reviews", Review)

    def write(self, review: Review) -> None:
        """Write or replace the review of a month. Raises LakeError."""
        self._reviews.write(review.month, review)

    def read(self, month: str) -> Review:
        """Return the review of a month (YYYY-MM). Raises FileNotFoundError, LakeError."""
        return self._reviews.read(month)
