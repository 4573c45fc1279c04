"""Write sample data as an operator would deliver it: a full first day, then changes."""

import gzip
import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from contract.columns import EVENT_TIME, KEY
from contract.errors import RawPathError
from contract.feeds import FEEDS
from sample_data.customers import make_customers, mark_churn
from sample_data.faults import FAULTS, Record

LAYOUTS = ("feeds", "flat33", "flat21")
FIRST_DAY = date(2026, 1, 1)
_CHANGED, _CHURNED, _JOINED = 0.007, 0.002, 0.001  # shares of all customers, per later day
_FAULTY_FROM = 500_000_000  # numbers of customers that exist in faulty records only

_FLAT33 = {
    KEY: "CustomerID", "record_count": "Count", "country": "Country", "state": "State", "city": "City",
    "zip_code": "Zip Code", "lat_long": "Lat Long", "latitude": "Latitude", "longitude": "Longitude",
    "gender": "Gender", "senior_citizen": "Senior Citizen", "partner": "Partner", "dependents": "Dependents",
    "tenure_months": "Tenure Months", "phone_service": "Phone Service", "multiple_lines": "Multiple Lines",
    "internet_service": "Internet Service", "online_security": "Online Security", "online_backup": "Online Backup",
    "device_protection": "Device Protection", "tech_support": "Tech Support", "streaming_tv": "Streaming TV",
    "streaming_movies": "Streaming Movies", "contract": "Contract", "paperless_billing": "Paperless Billing",
    "payment_method": "Payment Method", "monthly_charges": "Monthly Charges", "total_charges": "Total Charges",
    "churn": "Churn Label", "churn_value": "Churn Value", "source_churn_score": "Churn Score",
    "source_cltv": "CLTV", "churn_reason": "Churn Reason",
}  # fmt: skip
_FLAT21 = {
    KEY: "customerID", "gender": "gender", "senior_citizen": "SeniorCitizen", "partner": "Partner",
    "dependents": "Dependents", "tenure_months": "tenure", "phone_service": "PhoneService",
    "multiple_lines": "MultipleLines", "internet_service": "InternetService", "online_security": "OnlineSecurity",
    "online_backup": "OnlineBackup", "device_protection": "DeviceProtection", "tech_support": "TechSupport",
    "streaming_tv": "StreamingTV", "streaming_movies": "StreamingMovies", "contract": "Contract",
    "paperless_billing": "PaperlessBilling", "payment_method": "PaymentMethod", "monthly_charges": "MonthlyCharges",
    "total_charges": "TotalCharges", "churn": "Churn",
}  # fmt: skip


def generate(
    customers: int, days: int, out: Path, *, seed: int, layout: str = "feeds", faults: int = 0, compress: bool = False
) -> list[Path]:
    """Write `days` deliveries for `customers` first-day customers below `out` and return the files.

    The same arguments give the same bytes. The first delivery of the feeds contains `faults`
    faulty records of each kind (a later one is so small that they would stop its batch); `_faults.json` counts the
    rows that must be quarantined.
    `compress` gzips the JSON files. Raises RawPathError when `out` cannot be written.
    """
    rng = np.random.default_rng(seed)
    everyone = make_customers(rng, 0, customers)
    files: list[Path] = []
    try:
        for number in range(days):
            day = FIRST_DAY + timedelta(days=number)
            delivery = everyone if number == 0 else (everyone := _next_day(rng, everyone))[_touched(everyone)]
            files += _deliver(delivery, day, number, out, layout, faults, compress=compress)
        _write(out / "_faults.json", [json.dumps(_expected(faults, layout), indent=2).encode()])
    except OSError as error:
        raise RawPathError(f"cannot write below {out}: {error.strerror}. Choose another --out.") from error
    return files


def _expected(faults: int, layout: str) -> dict[str, int]:
    return {fault.name: fault.rows * faults for fault in FAULTS} if layout == "feeds" else {}


def _next_day(rng: np.random.Generator, everyone: pd.DataFrame) -> pd.DataFrame:
    """Some customers change, some leave, some join; `_touched` marks them."""
    count = len(everyone)
    frame = everyone.assign(_touched=False)
    changed = rng.random(count) < _CHANGED
    leaving = (rng.random(count) < _CHURNED) & (frame["churn"] == "No").to_numpy()
    frame.loc[changed, "tenure_months"] += 1
    frame.loc[changed, "monthly_charges"] = (frame.loc[changed, "monthly_charges"] * 1.03).round(2)
    frame.loc[changed, "total_charges"] = (frame["total_charges"] + frame["monthly_charges"]).round(2)
    left = frame.loc[leaving].copy()
    mark_churn(rng, left, np.ones(len(left), dtype=bool))
    frame.loc[leaving, left.columns] = left
    joined = make_customers(rng, count, max(1, round(count * _JOINED)), is_new=True).assign(_touched=True)
    frame["_touched"] = changed | leaving
    return pd.concat([frame, joined], ignore_index=True)


def _touched(everyone: pd.DataFrame) -> pd.Series:
    return everyone["_touched"].astype(bool)


def _deliver(
    frame: pd.DataFrame,
    day: date,
    number: int,
    out: Path,
    layout: str,
    faults: int,
    *,
    compress: bool,
) -> list[Path]:
    if layout != "feeds":
        names = _FLAT33 if layout == "flat33" else _FLAT21
        return [
            _write(
                out / "customers" / f"{day}" / "customers.csv",
                _csv_lines(_flat(frame, layout)[list(names)], list(names.values())),
            )
        ]
    stamped = frame.assign(**{EVENT_TIME: f"{datetime(day.year, day.month, day.day, 3):%Y-%m-%dT%H:%M:%SZ}"})
    spoiled = _spoiled(faults if number == 0 else 0, str(stamped[EVENT_TIME].iloc[0]))
    written = []
    for feed in ("demographics", "services", "billing"):
        columns = [c for c in FEEDS[feed].columns if c in stamped]
        part = stamped[columns]
        if feed == "demographics":
            lines = [*_csv_lines(part, columns), *spoiled[feed]]
            path = out / feed / f"{day}" / f"{feed}.csv"
        else:
            lines = [*_json_lines(part), *spoiled[feed]]
            path = out / feed / f"{day}" / f"{feed}.jsonl{'.gz' if compress else ''}"
        written.append(_write(path, lines))
    return written


def _spoiled(faults: int, updated_at: str) -> dict[str, list[bytes]]:
    """The faulty lines of one delivery, by feed, each with a customer of its own."""
    rng = np.random.default_rng(0)
    lines: dict[str, list[bytes]] = {"demographics": [], "services": [], "billing": []}
    if not faults:
        return lines
    frame = make_customers(rng, _FAULTY_FROM, faults * len(FAULTS)).assign(**{EVENT_TIME: updated_at})
    records: Iterator[Record] = ({str(k): v for k, v in row.items()} for row in frame.to_dict("records"))
    for fault in FAULTS:
        columns = [c for c in FEEDS[fault.feed].columns if c in frame]
        for _ in range(faults):
            record = next(records)
            lines[fault.feed] += fault.spoil({column: record[column] for column in columns})
    return lines


def _flat(frame: pd.DataFrame, layout: str) -> pd.DataFrame:
    flat = frame.assign(record_count=1, churn_value=(frame["churn"] == "Yes").astype(int))
    flat["lat_long"] = flat["latitude"].astype(str) + ", " + flat["longitude"].astype(str)
    flat["total_charges"] = flat["total_charges"].astype(str).where(flat["tenure_months"] > 0, " ")
    if layout == "flat21":
        flat["senior_citizen"] = (flat["senior_citizen"] == "Yes").astype(int)
    return flat


def _csv_lines(frame: pd.DataFrame, header: Sequence[str]) -> list[bytes]:
    return [frame.to_csv(index=False, header=list(header), lineterminator="\n").encode().removesuffix(b"\n")]


def _json_lines(frame: pd.DataFrame) -> list[bytes]:
    """JSON lines of flat records, joined column by column: a million rows take seconds."""
    cells = [_members(frame[column], position) for position, column in enumerate(frame.columns)]
    joined = pc.binary_join_element_wise(pa.scalar("{"), *cells, pa.scalar("}"), "")
    return [pc.binary_join(pa.array([joined.to_pylist()]), "\n")[0].as_py().encode()] if len(frame) else []


def _members(column: pd.Series, position: int) -> pa.Array:
    """`"name":value` of every row, led by a comma but in the first column; nothing where null."""
    lead = f"{',' if position else ''}{json.dumps(str(column.name))}:"
    values = pa.array(column, from_pandas=True)
    if pa.types.is_string(values.type):
        coded = values.dictionary_encode()
        texts = pa.array([lead + json.dumps(v, ensure_ascii=False) for v in coded.dictionary.to_pylist()], pa.string())
        members = pc.take(texts, coded.indices)
    else:
        members = pc.binary_join_element_wise(pa.scalar(lead), pc.cast(values, pa.string()), "")
    return pc.fill_null(members, "")


def _write(path: Path, lines: Sequence[bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b"\n".join(lines) + b"\n"
    # No time stamp inside: the same data gives the same bytes.
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path
