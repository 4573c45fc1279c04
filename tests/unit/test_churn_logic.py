"""The business's churn logic: bands without gaps, segments from both thresholds."""

import itertools
import re

import pytest

from contract import churn
from contract.churn import RISK_SEGMENTS, TENURE_BAND_NAMES, TENURE_BANDS, segment
from contract.schemas.gold import ANALYSIS
from tests.support.gold_rows import gold_customers


def _bands_of(months):
    """The names of the bands that a tenure falls into by their limits."""
    starts = [0, *(band.up_to + 1 for band in TENURE_BANDS[:-1])]
    return [
        band.name
        for start, band in zip(starts, TENURE_BANDS, strict=True)
        if start <= months and (band.up_to is None or months <= band.up_to)
    ]


@pytest.mark.parametrize(
    ("months", "band"), [(0, "0-12"), (12, "0-12"), (13, "13-24"), (24, "13-24"), (25, "25+"), (1200, "25+")]
)
def test_tenure_falls_into_one_band(months, band):
    assert _bands_of(months) == [band]


def test_bands_leave_no_gap():
    assert [band.up_to for band in TENURE_BANDS[:-1]] == sorted({band.up_to for band in TENURE_BANDS[:-1]})
    assert all(len(_bands_of(months)) == 1 for months in range(1201))


def test_only_last_band_is_open():
    assert [band.up_to is None for band in TENURE_BANDS] == [False] * (len(TENURE_BANDS) - 1) + [True]


def test_names_state_their_limits():
    start = 0
    for band in TENURE_BANDS:
        limits = [int(number) for number in re.findall(r"\d+", band.name)]
        assert limits == ([start] if band.up_to is None else [start, band.up_to])
        assert band.name.endswith("+") == (band.up_to is None)
        start = (band.up_to or 0) + 1


def test_segments_combine_value_and_risk():
    both = itertools.product((churn.HIGH_VALUE, churn.LOW_VALUE), (churn.HIGH_RISK, churn.LOW_RISK))
    assert tuple(segment(*pair) for pair in both) == RISK_SEGMENTS
    assert len(set(RISK_SEGMENTS)) == 4


def test_descriptions_name_the_thresholds():
    assert f"cltv > {churn.HIGH_VALUE_CLTV}" in ANALYSIS["risk_segment"].comment
    assert f"churn_score > {churn.HIGH_RISK_SCORE}" in ANALYSIS["risk_segment"].comment
    assert all(name in ANALYSIS["customer_tenure_group"].comment for name in TENURE_BAND_NAMES)
    score = ANALYSIS["churn_score"].comment
    assert score.startswith(f"{churn.CHURN_SCORE_AT_START} - {churn.CHURN_SCORE_PER_MONTH} x tenure_months")


def test_test_rows_follow_the_contract():
    """What other tests take for gold has the names that gold has."""
    rows = gold_customers(400)
    assert set(rows["risk_segment"]) <= set(RISK_SEGMENTS)
    assert [_bands_of(months) for months in rows["tenure_months"]] == [[name] for name in rows["customer_tenure_group"]]
