"""Alerts about customers newly at risk, one per version of gold: written by the Glue script, sent by a task."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from contract.metrics import AT_RISK
from lake.documents import Documents
from lake.storage import Folder

TOP = 20
_CLAIM = ".claimed"


@dataclass(frozen=True)
class AtRisk:
    """One customer: nothing personal beyond number and city. Charges are USD a month, `source_cltv` USD, None if unknown."""

    customer_id: str
    city: str | None
    segment: str
    monthly_charges: float
    source_cltv: int | None
    source_churn_score: int


@dataclass(frozen=True)
class Alert:
    """Who came to be at risk with one version of gold.

    `top` are at most `TOP` of the `customers`, the greatest `source_cltv` first; sums are over all, `source_cltv` is None
    where nobody's is known. `condition` is what at risk meant.
    """

    version: int
    day: str
    customers: int
    monthly_charges: float
    source_cltv: int | None
    top: tuple[AtRisk, ...]
    condition: str = AT_RISK.text()


@dataclass(frozen=True)
class Claim:
    """The flow run that sends an alert."""

    by: str


class Alerts:
    """The alerts of one lake, in `<lake>/_alerts/<version>.json`; `<version>.claimed.json` once claimed by a sender."""

    def __init__(self, lake: Folder) -> None:
        folder = lake / "_alerts"
        self._alerts = Documents(folder, Alert, _from_first_release)
        self._claims = Documents(folder, Claim)

    def exists(self, version: int) -> bool:
        """Return whether there is an alert for this version of gold."""
        return self._alerts.exists(_name(version))

    def write(self, alert: Alert) -> None:
        """Write an alert; one without customers is claimed at once, so that it is never sent."""
        if not alert.customers:
            self.claim(alert, "nobody")
        self._alerts.write(_name(alert.version), alert)

    def open(self) -> Iterator[Alert]:
        """Yield the alerts that no run has claimed, oldest first; those that meant others by at risk are left out."""
        names = self._alerts.names()
        for name in names:
            if not name.endswith(_CLAIM) and name + _CLAIM not in names:
                alert = self._alerts.read(name)
                if alert.condition == AT_RISK.text():
                    yield alert

    def claim(self, alert: Alert, by: str) -> None:
        """Record that `by` (a flow run) sends the alert, so that no later run sends it again."""
        self._claims.write(_name(alert.version) + _CLAIM, Claim(by))

    def release(self, alert: Alert) -> None:
        """Give a claimed alert back: the notifier refused it."""
        self._claims.delete(_name(alert.version) + _CLAIM)


def _from_first_release(content: dict[str, Any]) -> dict[str, Any]:
    """Alerts of release 0.1.0 named customers who had left: they are kept, but name nobody."""
    if "condition" in content:
        return content
    return content | {"condition": "", "source_cltv": None, "top": ()}


def _name(version: int) -> str:
    return f"{version:08d}"
