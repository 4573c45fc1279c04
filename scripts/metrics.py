"""docs/metrics.md from the definitions of the KPIs: make docs"""

from pathlib import Path

from contract.churn import CHURN_SCORE_RULE, HIGH_RISK_SCORE, HIGH_SOURCE_SCORE, HIGH_VALUE_CLTV, TENURE_BANDS
from contract.metrics import METRICS, METRICS_BY_DIMENSION

TARGET = Path(__file__).resolve().parent.parent / "docs" / "metrics.md"

_TEXT = """# Metrics

Generated from `contract/metrics.py` by `make docs`. All KPIs are in `gold.churn_kpis`, one row per run and KPI,
and derive from `gold.churn_breakdown`. The business review and the command show them with these labels and definitions.

| KPI | label | definition | unit | SQL over gold.customer_churn_analysis |
|---|---|---|---|---|
{rows}

## Churn logic

| column | rule |
|---|---|
| churn_flag | 1 where churn is yes, else 0 |
| cltv | monthly_charges × tenure_months |
| customer_tenure_group | {bands} |
| churn_score | churned: {score} (may be negative), else 0 |
| risk_segment | High-Value where cltv > {high_cltv}; High-Risk where churn_score > {high_risk} |

**At risk and lost** are different customers. *At risk* are those who are still here and whose score of the source system is
over {high_source}: they can be kept. Where no file carries a score it is not known who is at risk: these figures are null in
tables and "not available" on pages, which is not zero. *Lost* is what churned customers paid, gone unless they are won back. Earlier dashboards
showed what is lost under the name of at risk: their "CLTV at risk" is `source_cltv_lost`, their "monthly revenue at
risk" `monthly_revenue_lost`.

**Two lifetime values.** The column `cltv` is monthly charges × months as a customer: it sorts customers into segments.
`source_cltv` is the source system's own: the CLTV of the headline figures.

**A known weakness.** `churn_score` reads the label: only a customer who has already left can be
"high risk". It is kept because the business knows it; it is not a forecast. The source system's own
score and lifetime value are kept beside it as `source_churn_score` and `source_cltv`.

**Movements.** `gold.customer_movements` has a row for every change of segment, churn or risk: *lost* is churn from no to yes,
*won back* from yes to no, *newly at risk* is at risk now and not known to be before, for the first time on a day. Who leaves is at
risk no longer; who comes back can be newly at risk again.
"""


def render() -> str:
    """Return the page as Markdown."""
    plain = [(metric.name, metric) for metric in METRICS.values()]
    grouped = [(f"{metric.name}:*", metric) for metric in METRICS_BY_DIMENSION.values()]
    rows = [f"| {name} | {m.label} | {m.definition} | {m.unit} | `{m.sql}` |" for name, m in [*plain, *grouped]]
    bands = [f'"{band.name}" up to and including {band.up_to}' for band in TENURE_BANDS[:-1]]
    return _TEXT.format(
        rows="\n".join(rows),
        bands=", ".join([*bands, f'else "{TENURE_BANDS[-1].name}"']),
        score=CHURN_SCORE_RULE,
        high_cltv=HIGH_VALUE_CLTV,
        high_risk=HIGH_RISK_SCORE,
        high_source=HIGH_SOURCE_SCORE,
    )
