"""The churn logic of the business: thresholds, tenure bands and risk segments, each declared here only."""

from dataclasses import dataclass

HIGH_VALUE_CLTV = 2000
"""A customer is High-Value above this computed lifetime value, USD."""

HIGH_RISK_SCORE = 60
"""A customer is High-Risk above this churn score."""

HIGH_SOURCE_SCORE = 70
"""The source system's own churn score counts as high above this."""

CHURN_SCORE_AT_START = 100
CHURN_SCORE_PER_MONTH = 1.5
CHURN_SCORE_RULE = f"{CHURN_SCORE_AT_START} - {CHURN_SCORE_PER_MONTH} x tenure_months"
"""The churn score of a customer who has left, in words; of others it is 0."""


@dataclass(frozen=True)
class TenureBand:
    """A range of tenure; `up_to` is its last month, None for the open-ended last band."""

    name: str
    up_to: int | None


TENURE_BANDS: tuple[TenureBand, ...] = (TenureBand("0-12", 12), TenureBand("13-24", 24), TenureBand("25+", None))
TENURE_BAND_NAMES: tuple[str, ...] = tuple(band.name for band in TENURE_BANDS)

HIGH_VALUE, LOW_VALUE = "High-Value", "Low-Value"
HIGH_RISK, LOW_RISK = "High-Risk", "Low-Risk"


def segment(value: str, risk: str) -> str:
    """Return the name of the risk segment for a value class and a risk class."""
    return f"{value}, {risk}"


RISK_SEGMENTS: tuple[str, ...] = tuple(
    segment(value, risk) for value in (HIGH_VALUE, LOW_VALUE) for risk in (HIGH_RISK, LOW_RISK)
)
