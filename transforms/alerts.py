"""Customers newly at risk, one file per version of gold: written by the Glue script, sent by a task."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from transforms.runtime.storage import Folder

TOP = 20


@dataclass(frozen=True)
class AtRisk:
    """One customer: nothing personal beyond number and city. Charges are USD a month, `cltv` USD."""

    customer_id: str
    city: str | None
    segment: str
    monthly_charges: float
    cltv: float
    churn_score: float


@dataclass(frozen=True)
class Alert:
    """Who entered a high-risk segment with one version of gold.

    `top` are at most `TOP` of the `customers`, the greatest `cltv` first; sums are over all.
    """

    version: int
    day: str
    customers: int
    monthly_charges: float
    cltv: float
    top: tuple[AtRisk, ...]


class Alerts:
    """The alerts of one lake, in `<lake>/_alerts/<version>.json`; `<version>.claimed.json` once somebody sends it."""

    def __init__(self, lake: Folder) -> None:
        self.folder = lake / "_alerts"

    def exists(self, version: int) -> bool:
        return self.folder.exists(_name(version))

    def write(self, alert: Alert) -> None:
        """Write an alert down; one of no customer is nobody's to send."""
        if not alert.customers:
            self.claim(alert, "nobody")
        self.folder.write_json(_name(alert.version), asdict(alert))

    def open(self) -> Iterator[Alert]:
        """Alerts that nobody has begun to send, oldest first."""
        names: Sequence[str] = self.folder.names()
        for name in sorted(names):
            if not name.endswith(_CLAIM) and _claim(name) not in names:
                content = self.folder.read_json(name)
                yield Alert(**{**content, "top": tuple(AtRisk(**row) for row in content["top"])})

    def claim(self, alert: Alert, by: str) -> None:
        """Say that `by` (a flow run) sends it, so that no later run sends it again."""
        self.folder.write_json(_claim(_name(alert.version)), {"by": by})

    def release(self, alert: Alert) -> None:
        """Give a claimed alert back: the notifier refused it."""
        self.folder.delete(_claim(_name(alert.version)))


_CLAIM = ".claimed.json"


def _name(version: int) -> str:
    return f"{version:08d}.json"


def _claim(name: str) -> str:
    return name.replace(".json", _CLAIM)
