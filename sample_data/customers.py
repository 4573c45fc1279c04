"""Synthetic telecom customers with realistic marginals and correlations.

Contract, tenure, internet service, charges, payment method and churn correlate as
they do at operators: month-to-month customers on fibre who pay by electronic check
and are new leave most; those on two-year contracts hardly ever.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

_CITIES: dict[str, tuple[str, float, float, float]] = {
    # city: (zip code, latitude, longitude, share)
    "Los Angeles": ("90001", 33.97, -118.25, 0.16),
    "San Diego": ("92101", 32.72, -117.16, 0.09),
    "San Jose": ("95110", 37.34, -121.90, 0.07),
    "San Francisco": ("94102", 37.78, -122.42, 0.07),
    "Sacramento": ("95814", 38.58, -121.49, 0.07),
    "Fresno": ("93701", 36.75, -119.79, 0.06),
    "Long Beach": ("90802", 33.77, -118.19, 0.05),
    "Oakland": ("94607", 37.80, -122.27, 0.05),
    "Bakersfield": ("93301", 35.37, -119.02, 0.05),
    "Anaheim": ("92801", 33.84, -117.91, 0.04),
    "Stockton": ("95202", 37.96, -121.29, 0.04),
    "Riverside": ("92501", 33.98, -117.37, 0.04),
    "Santa Rosa": ("95401", 38.44, -122.71, 0.03),
    "Modesto": ("95350", 37.64, -120.99, 0.03),
    "Glendale": ("91201", 34.14, -118.26, 0.03),
    "Santa Barbara": ("93101", 34.42, -119.70, 0.03),
    "Redding": ("96001", 40.59, -122.39, 0.02),
    "Chico": ("95926", 39.73, -121.84, 0.02),
    "Eureka": ("95501", 40.80, -124.16, 0.02),
    "La Cañada Flintridge": ("91011", 34.21, -118.20, 0.03),
}
_REASONS = {
    "Competitor made better offer": 0.17,
    "Competitor had better devices": 0.14,
    "Attitude of support person": 0.12,
    "Price too high": 0.10,
    "Network reliability": 0.10,
    "Product dissatisfaction": 0.09,
    "Lack of self-service on website": 0.08,
    "Long distance charges": 0.07,
    "Moved": 0.07,
    "Service dissatisfaction": 0.06,
}
ADD_ONS = ("online_security", "online_backup", "device_protection", "tech_support", "streaming_tv", "streaming_movies")
_ADD_ON_USE = (0.37, 0.44, 0.44, 0.37, 0.49, 0.50)
_ADD_ON_PRICE = (5.0, 5.0, 5.0, 5.0, 10.0, 10.0)
_CONTRACTS = ("Month-to-month", "One year", "Two year")
_PAYMENTS = ("Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)")
_YES_NO = np.array(["No", "Yes"], dtype=object)
_ID_STEP = 7_368_787  # shares no factor with 26**5, so that ids do not repeat
_LETTERS = 26**5


def customer_ids(first: int, count: int) -> pd.Series:
    """Return `count` ids like 4821-QKXWB, from number `first` on; every number has its own id."""
    numbers = np.arange(first, first + count, dtype=np.int64)
    code = numbers * _ID_STEP % _LETTERS
    letters = np.stack([code // 26**power % 26 + ord("A") for power in range(5)], axis=1).astype(np.uint32)
    digits = 1000 + numbers * 7919 % 9000
    text = np.ascontiguousarray(letters).view("U5").ravel()
    return pd.Series(digits.astype(str).astype(object)) + "-" + pd.Series(text.astype(object))


def make_customers(rng: np.random.Generator, first: int, count: int, *, is_new: bool = False) -> pd.DataFrame:
    """Return `count` customers with all columns of the three feeds; `is_new` ones joined this month."""
    frame = pd.DataFrame({"customer_id": customer_ids(first, count)})
    _demographics(rng, frame)
    _contract(rng, frame, is_new=is_new)
    _services(rng, frame)
    _charges(rng, frame)
    leaves = rng.random(count) < (np.zeros(count) if is_new else churn_probability(frame))
    mark_churn(rng, frame, leaves)
    return frame


def _pick(rng: np.random.Generator, values: list[str] | tuple[str, ...], shares: list[float], count: int) -> Texts:
    weights = np.array(shares) / np.sum(shares)
    picked: Texts = np.array(values, dtype=object)[rng.choice(len(values), size=count, p=weights)]
    return picked


def _flags(rng: np.random.Generator, share: float | Floats, count: int) -> Texts:
    flags: Texts = _YES_NO[(rng.random(count) < share).astype(int)]
    return flags


def _demographics(rng: np.random.Generator, frame: pd.DataFrame) -> None:
    count = len(frame)
    frame["gender"] = _pick(rng, ("Male", "Female"), [0.5, 0.5], count)
    frame["senior_citizen"] = _flags(rng, 0.16, count)
    frame["partner"] = _flags(rng, 0.48, count)
    frame["dependents"] = _flags(rng, np.where(frame["partner"] == "Yes", 0.4, 0.08), count)
    frame["country"], frame["state"] = "United States", "California"
    names = list(_CITIES)
    chosen = rng.choice(len(names), size=count, p=_normal([c[3] for c in _CITIES.values()]))
    frame["city"] = np.array(names, dtype=object)[chosen]
    frame["zip_code"] = np.array([c[0] for c in _CITIES.values()], dtype=object)[chosen]
    frame["latitude"] = np.round(np.array([c[1] for c in _CITIES.values()])[chosen] + rng.normal(0, 0.05, count), 6)
    frame["longitude"] = np.round(np.array([c[2] for c in _CITIES.values()])[chosen] + rng.normal(0, 0.05, count), 6)


def _normal(shares: list[float]) -> Floats:
    normal: Floats = np.array(shares) / np.sum(shares)
    return normal


def _contract(rng: np.random.Generator, frame: pd.DataFrame, *, is_new: bool) -> None:
    count = len(frame)
    frame["contract"] = _pick(rng, _CONTRACTS, [0.55, 0.21, 0.24], count)
    mean = frame["contract"].map({"Month-to-month": 0.8, "One year": 3.0, "Two year": 6.5}).to_numpy(dtype=float)
    share = rng.beta(mean, 2.2)
    frame["tenure_months"] = np.zeros(count, dtype=int) if is_new else np.clip(np.ceil(72 * share), 1, 72).astype(int)
    frame["paperless_billing"] = _flags(rng, 0.59, count)
    monthly = frame["contract"].to_numpy() == "Month-to-month"
    frame["payment_method"] = np.where(
        monthly,
        _pick(rng, _PAYMENTS, [0.48, 0.22, 0.15, 0.15], count),
        _pick(rng, _PAYMENTS, [0.16, 0.24, 0.30, 0.30], count),
    )


def _services(rng: np.random.Generator, frame: pd.DataFrame) -> None:
    count = len(frame)
    internet = _pick(rng, ("Fiber optic", "DSL", "No"), [0.44, 0.34, 0.22], count)
    phone = np.where(internet == "DSL", rng.random(count) < 0.72, True)
    frame["phone_service"] = _YES_NO[phone.astype(int)]
    frame["multiple_lines"] = np.where(phone, _flags(rng, 0.47, count), "No phone service")
    frame["internet_service"] = internet
    for column, use in zip(ADD_ONS, _ADD_ON_USE, strict=True):
        frame[column] = np.where(internet == "No", "No internet service", _flags(rng, use, count))


def _charges(rng: np.random.Generator, frame: pd.DataFrame) -> None:
    count = len(frame)
    monthly = frame["internet_service"].map({"No": 20.0, "DSL": 25.0, "Fiber optic": 50.0}).to_numpy(dtype=float)
    monthly += np.where((frame["phone_service"] == "Yes") & (frame["internet_service"] != "No"), 20.0, 0.0)
    monthly += np.where(frame["multiple_lines"] == "Yes", 5.0, 0.0)
    for column, price in zip(ADD_ONS, _ADD_ON_PRICE, strict=True):
        monthly += np.where(frame[column] == "Yes", price, 0.0)
    frame["monthly_charges"] = np.round(monthly + rng.normal(0, 0.6, count), 2).clip(min=18)
    factor = 1 + rng.normal(0, 0.02, count)
    frame["total_charges"] = np.round(frame["monthly_charges"] * frame["tenure_months"] * factor, 2)


def churn_probability(frame: pd.DataFrame) -> Floats:
    """Return the probability (0 to 1) that each customer leaves: a logistic model of the usual drivers."""
    score = (
        -1.12
        + frame["contract"].map({"Month-to-month": 1.1, "One year": -0.7, "Two year": -2.0}).to_numpy(dtype=float)
        + frame["internet_service"].map({"Fiber optic": 0.9, "DSL": 0.0, "No": -0.9}).to_numpy(dtype=float)
        + np.where(frame["payment_method"] == "Electronic check", 0.4, 0.0)
        + np.where(frame["senior_citizen"] == "Yes", 0.25, 0.0)
        + np.where(frame["tech_support"] == "Yes", -0.35, 0.0)
        - 0.028 * frame["tenure_months"].to_numpy(dtype=float)
    )
    return np.asarray(1 / (1 + np.exp(-score)))


def mark_churn(rng: np.random.Generator, frame: pd.DataFrame, leaves: npt.NDArray[np.bool_]) -> None:
    """Set churn, its reason, and the source system's score (0 to 100) and lifetime value (USD)."""
    count = len(frame)
    frame["churn"] = _YES_NO[leaves.astype(int)]
    reasons = _pick(rng, list(_REASONS), list(_REASONS.values()), count)
    frame["churn_reason"] = [reason if left else None for reason, left in zip(reasons, leaves, strict=True)]
    high, low = rng.integers(65, 101, count), rng.integers(5, 81, count)
    frame["source_churn_score"] = np.where(leaves, high, low)
    value = rng.normal(4150, 1000, count) + 8 * frame["tenure_months"].to_numpy(dtype=float)
    frame["source_cltv"] = value.clip(2000, 6500).astype(int)
