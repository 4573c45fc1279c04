"""The data of the browser dashboard, packed small: written by the Glue script, drawn by `serving.dashboard`.

A customer is a row of codes and two amounts. What is only drawn is stored as bins instead of values; ids and
scores are stored only for customers at risk, who are on the call list.
"""

import base64
import math
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contract.churn import HIGH_RISK_SCORE, HIGH_VALUE_CLTV
from contract.columns import KEY
from contract.metrics import (
    ASSESSED,
    AT_RISK,
    CHURNED,
    CONDITIONS,
    DEFINITION,
    DIMENSIONS,
    NOT_CHURNED,
    SCORED,
    UNKNOWN,
    VALUED,
    Condition,
)
from lake.documents import Documents
from lake.storage import Folder

COLUMNS = (
    KEY,
    *DIMENSIONS,
    "tenure_months",
    "churn_flag",
    "cltv",
    "churn_score",
    "source_churn_score",
    "source_cltv",
)
MAX_CUSTOMERS = 2_000_000
SCORE_BIN = 10
_MAX_CLTV_BINS = 20
_UNSIGNED = (np.uint8, np.uint16, np.uint32)

_COMPARED = {"=": pd.Series.eq, ">": pd.Series.gt, ">=": pd.Series.ge}

Codes = npt.NDArray[Any]


@dataclass(frozen=True)
class DashboardData:
    """One version of gold, packed.

    `columns` hold a value per customer, customers at risk first, the greatest source_cltv first:
    base64 of zlib of little-endian unsigned integers, `types` their bytes per value. Columns of a
    dimension are codes into `values`. `kind` is a code into `kinds`, each the conditions that its
    customers meet. `monthly_charges` are cents. `cell` is score bin + (score bins) × cltv bin of the
    risk matrix; a bin holds its upper edge and not its lower one. `ids` and the column
    `source_churn_score` are only of customers at risk. `trend` is [time of run, {kpi: value}], oldest first.
    """

    table_id: str
    version: int
    made_at: str
    customers: int
    values: dict[str, list[str]]
    kinds: list[list[str]]
    columns: dict[str, str]
    types: dict[str, int]
    score_bins: int
    cltv_bin: int
    ids: list[str]
    trend: list[list[Any]] = field(default_factory=list)


def pack(
    frame: pd.DataFrame, *, table_id: str, version: int, made_at: str, trend: Sequence[Sequence[Any]]
) -> DashboardData:
    """Return rows of gold.customer_churn_analysis, with `COLUMNS` and `monthly_cents` (int), packed."""
    rows = _at_risk_first(frame)
    values, columns = _coded(rows)
    kinds, columns["kind"] = _kinds(rows)
    columns["tenure_months"] = rows["tenure_months"].to_numpy()
    columns["monthly_charges"] = rows["monthly_cents"].to_numpy()
    columns["source_cltv"] = rows["source_cltv"].fillna(0).to_numpy()
    score_bins, cltv_bin, columns["cell"] = _cells(rows)
    at_risk = int(_meets(rows, AT_RISK).sum())
    columns["source_churn_score"] = rows["source_churn_score"].head(at_risk).to_numpy()
    encoded = {name: _encode(column) for name, column in columns.items()}
    return DashboardData(
        table_id=table_id,
        version=version,
        made_at=made_at,
        customers=len(rows),
        values=values,
        kinds=kinds,
        columns={name: text for name, (text, _) in encoded.items()},
        types={name: size for name, (_, size) in encoded.items()},
        score_bins=score_bins,
        cltv_bin=cltv_bin,
        ids=rows[KEY].head(at_risk).tolist(),
        trend=[list(point) for point in trend],
    )


def _at_risk_first(frame: pd.DataFrame) -> pd.DataFrame:
    order = ["_is_at_risk", "_cltv", KEY]
    marked = frame.assign(_is_at_risk=_meets(frame, AT_RISK), _cltv=frame["source_cltv"].fillna(0))
    return marked.sort_values(order, ascending=[False, False, True], ignore_index=True)


def _meets(frame: pd.DataFrame, condition: Condition) -> pd.Series:
    met = pd.Series(True, index=frame.index)
    for comparison in condition.comparisons:
        met &= _COMPARED[comparison.operator](frame[comparison.column], comparison.value)
    return met


def _coded(rows: pd.DataFrame) -> tuple[dict[str, list[str]], dict[str, Codes]]:
    values: dict[str, list[str]] = {}
    codes: dict[str, Codes] = {}
    for name in DIMENSIONS:
        texts = rows[name].fillna(UNKNOWN)
        if name == "churn_reason":
            texts = texts.where(_meets(rows, CHURNED), NOT_CHURNED)
        values[name] = sorted(set(texts))  # pandas takes texts that differ after a zero character for the same one
        code = {text: number for number, text in enumerate(values[name])}
        codes[name] = np.fromiter((code[text] for text in texts), dtype=np.int64, count=len(texts))
    return values, codes


def _kinds(rows: pd.DataFrame) -> tuple[list[list[str]], Codes]:
    """The combinations of conditions that occur, and each customer's."""
    met = sum(_meets(rows, condition).to_numpy().astype(int) << bit for bit, condition in enumerate(CONDITIONS))
    masks, codes = np.unique(np.asarray(met, dtype=np.int64), return_inverse=True)
    names = [[c.name for bit, c in enumerate(CONDITIONS) if mask >> bit & 1] for mask in masks]
    return names, codes.reshape(-1)


def _cells(rows: pd.DataFrame) -> tuple[int, int, Codes]:
    """Score bins, width of a cltv bin, and each customer's cell. Thresholds are edges of bins."""
    assert HIGH_RISK_SCORE % SCORE_BIN == 0, f"the bars of scores are {SCORE_BIN} wide: one must end at HIGH_RISK_SCORE"
    score, cltv = rows["churn_score"].to_numpy(dtype=float), rows["cltv"].to_numpy(dtype=float)
    width = HIGH_VALUE_CLTV // 4
    while len(cltv) and cltv.max() > width * _MAX_CLTV_BINS:
        width *= 2
    width = min(width, HIGH_VALUE_CLTV)
    top = math.ceil(100 / SCORE_BIN)
    by_score = np.clip(np.ceil(score / SCORE_BIN), 0, top).astype(int)  # 0: scores of 0 and below
    by_cltv = np.clip(np.ceil(cltv / width) - 1, 0, _MAX_CLTV_BINS - 1).astype(int)
    return top + 1, width, by_score + (top + 1) * by_cltv


def _encode(column: Codes) -> tuple[str, int]:
    """Base64 of the column in the smallest unsigned type, and that type's bytes."""
    greatest = int(column.max()) if len(column) else 0
    kind = next(kind for kind in _UNSIGNED if greatest <= np.iinfo(kind).max)
    packed = np.ascontiguousarray(column, dtype=np.dtype(kind).newbyteorder("<"))
    return base64.b64encode(zlib.compress(packed.tobytes(), 6)).decode(), packed.itemsize


@dataclass(frozen=True)
class PackedVersion:
    """Which version of gold is packed, and by which definition of the KPIs."""

    table_id: str
    version: int
    definition: str = DEFINITION


class Dashboards:
    """The packed data of one lake: `<lake>/_dashboard/data.json`, and the key that ids are hashed with."""

    def __init__(self, lake: Folder) -> None:
        self.folder = lake / "_dashboard"
        self._data = Documents(self.folder, DashboardData, _from_first_release)
        self._versions = Documents(self.folder, PackedVersion)

    def has(self, table_id: str, version: int) -> bool:
        """Return whether this version of gold is packed, by the current definition of the KPIs."""
        wanted = PackedVersion(table_id, version)
        return self._versions.exists(_VERSION) and self._versions.read(_VERSION) == wanted

    def write(self, data: DashboardData) -> None:
        """Replace the data; its version last, so that after an interrupted run it is packed again."""
        self._data.write(_DATA, data)
        self._versions.write(_VERSION, PackedVersion(data.table_id, data.version))

    def read(self) -> DashboardData | None:
        """Return the packed data, None where no run has packed any. Raises LakeError for that of another release."""
        return self._data.read(_DATA) if self._data.exists(_DATA) else None

    def key(self) -> str:
        """Return the key that ids are hashed with: one per lake, so that the hash of a customer never changes.

        It is made where there is none; the export job does that, whose role may write.
        """
        if not self.folder.exists(_KEY):
            self.folder.write_text(_KEY, secrets.token_hex(32))
        return self.folder.read_bytes(_KEY).decode()


def _from_first_release(content: dict[str, Any]) -> dict[str, Any]:
    """Release 0.1.0 says of all customers together whether they have scores."""
    if content.get("has_scores"):
        known = [condition.name for condition in (SCORED, VALUED, ASSESSED)]
        return content | {"kinds": [[*kind, *known] for kind in content["kinds"]]}
    return content


_DATA, _VERSION, _KEY = "data", "version", "key"
