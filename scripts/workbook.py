"""tableau/telecom_churn_dashboard.twb from the definitions of its figures: python -m scripts.workbook"""

from pathlib import Path

from tableau.workbook import Server, render

TARGET = Path(__file__).resolve().parent.parent / "tableau" / "telecom_churn_dashboard.twb"

if __name__ == "__main__":
    TARGET.write_bytes(render(Server()))
