"""The dashboard as one self-contained HTML file: template, style, scripts and packed data."""

import base64
import hashlib
import hmac
import json
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from contract.churn import (
    CHURN_SCORE_RULE,
    HIGH_RISK,
    HIGH_RISK_SCORE,
    HIGH_VALUE,
    HIGH_VALUE_CLTV,
    LOW_RISK,
    LOW_VALUE,
    segment,
)
from contract.metrics import HEADLINES, MEASURES, METRICS, METRICS_BY_DIMENSION, NOT_AVAILABLE, SECONDARY
from lake.dashboard_data import SCORE_BIN, DashboardData, Dashboards
from lake.storage import Folder
from serving.dashboard.content import CALLS, FILTERS, SEARCHED, TALL, TITLE, VISUALS, CustomerIds
from serving.pages import render as render_page

PLACE = "_reports/dashboard.html"
_SCRIPTS = ("data", "selection", "figures", "charts", "visuals", "controls", "calls", "page")


def write_dashboard(lake: Folder, ids: CustomerIds = "shown") -> str | None:
    """Write the dashboard beside the lake's reports and return its place, None where no run has packed its data."""
    page = dashboard_html(lake, ids)
    if page is None:
        return None
    lake.write_text(PLACE, page)
    return lake.uri(PLACE)


def dashboard_html(lake: Folder, ids: CustomerIds) -> str | None:
    """Return the dashboard of a lake as HTML, None where no run has packed its data. Raises LakeError."""
    store = Dashboards(lake)
    data = store.read()
    if data is None:
        return None
    return render(data, ids, store.key() if ids == "hashed" else "")


def render(data: DashboardData, ids: CustomerIds = "shown", key: str = "") -> str:
    """Return the page. Customer ids appear as `ids` says: as they are, hashed with `key`, or not at all."""
    script, style = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS), _asset("style.css")
    return render_page(
        "page.html.j2",
        folder=("serving.dashboard", "assets"),
        title=TITLE,
        as_of=_moment(data.made_at),
        customers=f"{data.customers:,}",
        version=data.version,
        table_id=data.table_id,
        filters=FILTERS,
        cards=[METRICS[name] for name in HEADLINES],
        visuals=VISUALS,
        tall=TALL,
        calls=CALLS,
        high_risk=HIGH_RISK_SCORE,
        high_cltv=HIGH_VALUE_CLTV,
        score_rule=CHURN_SCORE_RULE,
        script=Markup(script),  # noqa: S704 (ours)
        style=Markup(style),  # noqa: S704 (ours)
        script_hash=_hash(script),
        style_hash=_hash(style),
        content=Markup(_json({"spec": _spec(), "data": _named(data, ids, key)})),  # noqa: S704 (escaped by _json)
    )


def _asset(name: str) -> str:
    return (files("serving.dashboard") / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The hash by which a content security policy allows an inline script or style."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(content: Any) -> str:
    """JSON that cannot end the script element around it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%d %b %Y, %H:%M} UTC"


def _named(data: DashboardData, ids: CustomerIds, key: str) -> dict[str, Any]:
    names = {
        "shown": data.ids,
        "hashed": [hmac.new(key.encode(), name.encode(), "sha256").hexdigest()[:12] for name in data.ids],
        "none": [],
    }[ids]
    label = "Customer" if ids == "shown" else "Customer (hashed)"
    return asdict(data) | {"ids": names, "ids_label": label, "ids_count": len(data.ids)}


def _spec() -> dict[str, Any]:
    """The definitions of KPIs, visuals and filters that the scripts use."""
    return {
        "cards": HEADLINES,
        "filters": [{"name": f.name, "label": f.label, "search": f.name in SEARCHED} for f in FILTERS],
        "visuals": [asdict(visual) for visual in VISUALS],
        "measures": {
            name: {
                "column": measure.column,
                "condition": measure.condition.name if measure.condition else "",
                "known": measure.known.name if measure.known else "",
            }
            for name, measure in MEASURES.items()
        },
        "metrics": {
            name: {
                "name": name,
                "label": metric.label,
                "unit": metric.unit,
                "numerator": metric.numerator,
                "denominator": metric.denominator,
                "factor": metric.factor,
                "secondary": SECONDARY.get(name, ""),
            }
            for name, metric in (METRICS | METRICS_BY_DIMENSION).items()
        },
        "not_available": NOT_AVAILABLE,
        "score_bin": SCORE_BIN,
        "high_risk": HIGH_RISK_SCORE,
        "high_cltv": HIGH_VALUE_CLTV,
        "segments": {
            "high_value_low_risk": segment(HIGH_VALUE, LOW_RISK),
            "high_value_high_risk": segment(HIGH_VALUE, HIGH_RISK),
            "low_value_low_risk": segment(LOW_VALUE, LOW_RISK),
            "low_value_high_risk": segment(LOW_VALUE, HIGH_RISK),
        },
    }
