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


def tenure_group_sql(tenure_bands: tuple[TenureBand, ...]) -> str:
    """Return SQL of the name of the band that `tenure_months` is in; the last band has no end."""
    *bands, last = tenure_bands
    branches = " ".join(f"WHEN tenure_months <= {band.up_to} THEN '{band.name}'" for band in bands)
    return f"CASE {branches} ELSE '{last.name}' END" if bands else f"'{last.name}'"


def _risk_segment() -> str:
    is_high_value, is_high_risk = f"cltv > {HIGH_VALUE_CLTV}", f"churn_score > {HIGH_RISK_SCORE}"
    return (
        f"CASE WHEN {is_high_value} AND {is_high_risk} THEN '{segment(HIGH_VALUE, HIGH_RISK)}' "
        f"WHEN {is_high_value} THEN '{segment(HIGH_VALUE, LOW_RISK)}' "
        f"WHEN {is_high_risk} THEN '{segment(LOW_VALUE, HIGH_RISK)}' ELSE '{segment(LOW_VALUE, LOW_RISK)}' END"
    )


ANALYSIS_SQL = {
    "churn_reason": "CASE WHEN churn THEN churn_reason END",
    "churn_flag": "CASE WHEN churn THEN 1 ELSE 0 END",
    "cltv": "CAST(monthly_charges * tenure_months AS decimal(14, 2))",
    "customer_tenure_group": tenure_group_sql(TENURE_BANDS),
    "churn_score": (
        f"CAST(CASE WHEN churn THEN {CHURN_SCORE_AT_START} - {CHURN_SCORE_PER_MONTH} * tenure_months ELSE 0 END "
        "AS decimal(8, 1))"
    ),
}
"""The computed columns of gold's churn analysis but the last, as SQL over complete rows of silver.customers."""

RISK_SEGMENT_SQL = _risk_segment()
"""The risk segment, as SQL over these columns."""
