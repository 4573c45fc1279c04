"""The monthly business review: one self-contained HTML page, its PDF, and a summary."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contract.churn import HIGH_RISK_SCORE, HIGH_VALUE_CLTV, TENURE_BAND_NAMES
from contract.metrics import HEADLINES, METRICS, Metric
from lake.reviews import Month, Review
from lake.storage import Folder
from serving.pages import render, to_pdf

_WIDTH, _HEIGHT, _PAD = 220, 56, 5
_GROUPS = {
    "customer_tenure_group": "Churn by months as a customer",
    "contract": "Churn by contract",
    "payment_method": "Churn by payment method",
    "city": "Churn by city, the ten largest",
}
_CITIES = 10


@dataclass(frozen=True)
class Card:
    """One KPI of the month, against the month before, over the months, of which `known` have a value."""

    metric: Metric
    value: str
    change: str
    tone: str
    points: str
    last: tuple[float, float] | None
    months: Sequence[tuple[str, str]]
    known: int


@dataclass(frozen=True)
class Bar:
    """One group of customers; `share` is the bar's length in percent of the longest."""

    label: str
    customers: int
    churned: int
    rate: float
    lost: float
    share: float


def write_review(lake: Folder, review: Review) -> str:
    """Write the page, and the PDF where there is a browser to print it; return the place of the page."""
    page, name = render_review(review), f"_reports/business-review-{review.month}"
    lake.write_text(f"{name}.html", page)
    pdf = to_pdf(page)
    if pdf is not None:
        lake.write_bytes(f"{name}.pdf", pdf)
    return lake.uri(f"{name}.html")


def render_review(review: Review) -> str:
    """Return the page as HTML."""
    month = Month.parse(review.month)
    return render(
        "review.html.j2",
        review=review,
        title=_title(month),
        until=_until(review, month),
        cards=[_card(METRICS[name], review.kpis) for name in HEADLINES],
        missing=_missing(review),
        guessed=_before_the_first_file(review),
        has_history=review.kpis[review.month] is not None,
        groups={title: _bars(review, dimension) for dimension, title in _GROUPS.items()},
        metrics=METRICS,
        high_cltv=HIGH_VALUE_CLTV,
        high_risk=HIGH_RISK_SCORE,
        width=_WIDTH,
        height=_HEIGHT,
    )


def summary(review: Review) -> str:
    """Return the review as Markdown: the KPIs and the movements."""
    before, now = _last_two(review)
    lines = [f"# Business review {_title(Month.parse(review.month))}", "", "| | value | change |", "|---|---:|---:|"]
    for name in HEADLINES:
        metric = METRICS[name]
        lines.append(f"| {metric.label} | {_text(metric, now)} | {_change(metric, now, before)} |")
    if now is None:
        lines += ["", "Nothing is known of the time before the end of this month: its figures are missing, not zero."]
    if review.lost and review.won_back:
        lost, won = review.lost, review.won_back
        lines += [
            "",
            f"Lost in the month: {lost['customers']:,.0f} customers, ${lost['monthly_charges']:,.2f} a month.",
        ]
        lines += [f"Won back: {won['customers']:,.0f} customers, ${won['monthly_charges']:,.2f} a month."]
    return "\n".join(lines)


def _title(month: Month) -> str:
    return f"{calendar.month_name[month.number]} {month.year}"


def _until(review: Review, month: Month) -> str:
    made = datetime.fromisoformat(review.made_at)
    if made < month.end:
        return f"The month is not over: figures as of {made.astimezone(UTC):%d %B %Y, %H:%M} UTC."
    return f"Figures at the end of the month by the time at which things happened, as known on {made.astimezone(UTC):%d %B %Y}."


def _last_two(review: Review) -> tuple[dict[str, float] | None, dict[str, float] | None]:
    months = list(review.kpis.values())
    return months[-2], months[-1]


def _before_the_first_file(review: Review) -> str:
    """The months with figures that ended before any file was read."""
    if not review.recorded_since:
        return ""
    since = datetime.fromisoformat(review.recorded_since)
    found = [name for name, kpis in review.kpis.items() if kpis is not None and Month.parse(name).end <= since]
    return f"{found[0]} to {found[-1]}" if len(found) > 1 else "".join(found)


def _missing(review: Review) -> list[str]:
    return [month for month, kpis in review.kpis.items() if kpis is None]


def _card(metric: Metric, months: dict[str, dict[str, float] | None]) -> Card:
    before, now = list(months.values())[-2:]
    places = _places([_value(metric, kpis) for kpis in months.values()])
    return Card(
        metric=metric,
        value=_text(metric, now),
        change=_change(metric, now, before),
        tone=_tone(metric, _value(metric, now), _value(metric, before)),
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places),
        last=places[-1] if places else None,
        months=[(month, _text(metric, kpis)) for month, kpis in months.items()],
        known=len(places),
    )


def _value(metric: Metric, kpis: Mapping[str, float] | None) -> float | None:
    return kpis.get(metric.name) if kpis else None


def _text(metric: Metric, kpis: Mapping[str, float] | None) -> str:
    """A KPI of a month in words; missing where the month has no history, which is not the same as unknown."""
    return metric.text(_value(metric, kpis)) if kpis else "missing"


def _change(metric: Metric, now: Mapping[str, float] | None, before: Mapping[str, float] | None) -> str:
    return metric.change(_value(metric, now), _value(metric, before)) if now else "no history yet"


def _tone(metric: Metric, now: float | None, before: float | None) -> str:
    if now is None or before is None or now == before or not metric.desired_direction:
        return "same"
    return "better" if (now > before) == (metric.desired_direction > 0) else "worse"


def _places(values: Sequence[float | None]) -> list[tuple[float, float]]:
    """The places of known values on the chart; months without history leave a gap at its left."""
    known = [value for value in values if value is not None]
    if not known:
        return []
    low, high = min(known), max(known)
    span, step = (high - low) or 1.0, (_WIDTH - 2 * _PAD) / max(1, len(values) - 1)
    middle = 0.5 if high == low else None
    return [
        (_PAD + index * step, _HEIGHT - _PAD - (middle or (value - low) / span) * (_HEIGHT - 2 * _PAD))
        for index, value in enumerate(values)
        if value is not None
    ]


def _tenure_order(row: dict[str, Any]) -> tuple[int, str]:
    """Bands in their order; one that is no longer declared, in a month before the change, comes last."""
    name = row["value"]
    known = name in TENURE_BAND_NAMES
    return TENURE_BAND_NAMES.index(name) if known else len(TENURE_BAND_NAMES), name


def _bars(review: Review, dimension: str) -> list[Bar]:
    rows: list[dict[str, Any]] = [row for row in review.groups or () if row["dimension"] == dimension]
    if dimension == "city":
        rows = rows[:_CITIES]
    elif dimension == "customer_tenure_group":
        rows.sort(key=_tenure_order)
    else:
        rows.sort(key=lambda row: -row["churn_rate"])
    longest = max((row["churn_rate"] for row in rows), default=0) or 1
    return [
        Bar(
            label=row["value"],
            customers=int(row["customers"]),
            churned=int(row["churned"]),
            rate=row["churn_rate"],
            lost=row["churned_monthly_revenue"],
            share=row["churn_rate"] / longest * 100,
        )
        for row in rows
    ]
