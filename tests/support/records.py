"""Small hand-made records, good and bad."""

import json
from pathlib import Path
from typing import Any

GOOD: dict[str, Any] = {
    "customer_id": "1000-AAAAA",
    "gender": "Female",
    "senior_citizen": "No",
    "partner": "Yes",
    "dependents": "No",
    "city": "Fresno",
    "phone_service": "Yes",
    "multiple_lines": "No",
    "internet_service": "DSL",
    "online_security": "Yes",
    "online_backup": "No",
    "device_protection": "No",
    "tech_support": "No",
    "streaming_tv": "No",
    "streaming_movies": "No",
    "tenure_months": "10",
    "contract": "One year",
    "paperless_billing": "Yes",
    "payment_method": "Mailed check",
    "monthly_charges": "50.25",
    "total_charges": "502.50",
    "churn": "No",
}


def record(customer_id: str, **changes: Any) -> dict[str, Any]:
    return {**GOOD, "customer_id": customer_id, **changes}


def write_jsonl(path: Path, *records: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    return path


def many(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Good customers, so that a few bad ones stay below the share that stops a batch."""
    return [record(f"G{number:04d}", **changes) for number in range(count)]
