"""tableau/telecom_churn_dashboard.twb from the definitions of the KPIs: make docs"""

from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "tableau" / "telecom_churn_dashboard.twb"
