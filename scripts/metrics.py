"""docs/metrics.md from the one definition of every KPI: python -m scripts.metrics"""

from pathlib import Path

from reports.metrics import GROUPED, METRICS

TARGET = Path(__file__).resolve().parent.parent / "docs" / "metrics.md"

_TEXT = """# Metrics

Made from `reports/metrics.py` by `python -m scripts.metrics`. All KPIs are in `gold.churn_kpis`, one row per run and KPI,
and derive from `gold.churn_breakdown`. The business review and the command show them with these labels and words.

| KPI | label | definition | unit |
|---|---|---|---|
{rows}

## Churn logic

| column | rule |
|---|---|
| churn_flag | 1 where churn is yes, else 0 |
| cltv | monthly_charges × tenure_months |
| customer_tenure_group | "0-12" up to and including 12, "13-24" up to 24, else "25+" |
| churn_score | churned: 100 − 1.5 × tenure_months (may be negative), else 0 |
| risk_segment | High-Value where cltv > 2000; High-Risk where churn_score > 60 |

**At risk and lost.** "At risk" is the old dashboard's word for the revenue and the lifetime value of customers who have
already left; it stays lost unless they are won back. `cltv_at_risk` sums the source system's own lifetime value,
`cltv_lost` ours.

**A known weakness.** `churn_score` reads the label: only a customer who has already left can be
"high risk". It is kept because the business knows it; it is no forecast. The source system's own
score and lifetime value are kept beside it as `source_churn_score` and `source_cltv`.

**Movements.** `gold.customer_movements` has a row for every change of segment or churn: *lost* is churn from no to yes,
*won back* from yes to no, *newly at risk* is entering a High-Risk segment for the first time on a day.
"""


def render() -> str:
    """The page."""
    plain = [(metric.name, metric) for metric in METRICS.values()]
    grouped = [(f"{metric.name}:*", metric) for metric in GROUPED]
    rows = [f"| {name} | {m.label} | {m.definition} | {m.unit} |" for name, m in [*plain, *grouped]]
    return _TEXT.format(rows="\n".join(rows))


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
