"""Rows of gold for what reads gold: made here, without Spark, with all that makes reading hard."""

import numpy as np
import pandas as pd

from sample_data.customers import make_customers

TAKEN = (
    "customer_id", "payment_method", "gender", "contract", "churn_reason", "city", "tenure_months",
    "source_churn_score", "source_cltv",
)  # fmt: skip
HOSTILE = "</script><img src=x onerror=alert(1)>"
FORMULA = '=HYPERLINK("http://evil.example";"a, b")'


def gold_customers(count: int, *, seed: int = 1) -> pd.DataFrame:
    """`count` rows with the columns of gold.customer_churn_analysis that are shown, and `monthly_cents`."""
    made = make_customers(np.random.default_rng(seed), 0, count)
    rows = made[list(TAKEN)].copy()
    rows["churn_flag"] = (made["churn"] == "Yes").astype(int)
    rows["monthly_cents"] = (made["monthly_charges"].astype(float) * 100).round().astype(int)
    return with_logic(rows)


def with_logic(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns that gold derives, by the rules of the business."""
    rows = rows.copy()
    months, left = rows["tenure_months"], rows["churn_flag"] == 1
    rows["monthly_charges"] = rows["monthly_cents"] / 100
    rows["cltv"] = rows["monthly_cents"] * months / 100
    rows["churn_score"] = np.where(left, 100 - 1.5 * months, 0)
    rows["customer_tenure_group"] = np.select([months <= 12, months <= 24], ["0-12", "13-24"], "25+")
    value = np.where(rows["cltv"] > 2000, "High-Value", "Low-Value")
    risk = np.where(rows["churn_score"] > 60, "High-Risk", "Low-Risk")
    rows["risk_segment"] = [f"{v}, {r}" for v, r in zip(value, risk, strict=True)]
    return rows


def awkward_customers(count: int) -> pd.DataFrame:
    """As above, some with missing or hostile values, scores below zero and amounts on the edge of a bin."""
    rows = gold_customers(count)
    retained, churned = rows.index[rows["churn_flag"] == 0], rows.index[rows["churn_flag"] == 1]
    rows.loc[retained[0], ["city", "source_churn_score", "source_cltv"]] = [HOSTILE, 99, 6400]
    rows.loc[retained[1], ["city", "source_churn_score", "source_cltv"]] = [FORMULA, 98, 6399]
    rows.loc[retained[2], ["gender", "city"]] = None
    rows.loc[retained[3:5], ["source_churn_score", "source_cltv"]] = None
    rows.loc[retained[5], ["tenure_months", "monthly_cents"]] = [20, 10_000]
    rows.loc[churned[0], "churn_reason"] = None
    rows.loc[churned[1], ["tenure_months", "monthly_cents"]] = [72, 10_000]
    rows.loc[churned[2], "tenure_months"] = 0
    return with_logic(rows)
