"""Packed data holds what was packed, in the smallest types, whatever the rows."""

import base64
import zlib

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.page import write_dashboard
from tests.customers import with_logic
from transforms.dashboard import Dashboards, pack
from transforms.runtime.storage import open_folder

ROW = st.fixed_dictionaries(
    {
        "payment_method": st.sampled_from(["Mailed check", "Electronic check", None]),
        "gender": st.sampled_from(["Male", "Female", None]),
        "contract": st.sampled_from(["One year", "Two year"]),
        "churn_reason": st.sampled_from(["Moved", None]),
        "city": st.one_of(st.none(), st.text(max_size=8)),
        "tenure_months": st.integers(0, 300),
        "churn_flag": st.integers(0, 1),
        "monthly_cents": st.integers(0, 10_000_00),
        "source_churn_score": st.one_of(st.none(), st.integers(0, 100)),
        "source_cltv": st.one_of(st.none(), st.integers(0, 100_000)),
    }
)


def _pack(rows):
    frame = pd.DataFrame(rows).astype({"source_churn_score": "float64", "source_cltv": "float64"})
    frame["customer_id"] = [f"C{number}" for number in range(len(frame))]
    frame = with_logic(frame)
    return frame, pack(frame, table_id="t", version=1, made_at="2026-01-01T00:00:00+00:00", trend=[])


def _column(data, name):
    kind = {1: "u1", 2: "<u2", 4: "<u4"}[data.types[name]]
    return np.frombuffer(zlib.decompress(base64.b64decode(data.columns[name])), dtype=kind)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=40))
def test_sums_of_the_packed_rows_are_those_of_the_rows(rows):
    frame, data = _pack(rows)
    assert _column(data, "monthly_charges").sum() == frame["monthly_cents"].sum()
    assert _column(data, "source_cltv").sum() == frame["source_cltv"].sum()
    kinds = _column(data, "kind")
    churned = np.array(["churned" in data.kinds[kind] for kind in kinds])
    assert churned.sum() == frame["churn_flag"].sum()
    assert _column(data, "monthly_charges")[churned].sum() == frame.loc[frame["churn_flag"] == 1, "monthly_cents"].sum()
    at_risk = (frame["churn_flag"] == 0) & (frame["source_churn_score"] > 70)
    called = frame[at_risk].sort_values(["source_cltv", "customer_id"], ascending=[False, True], na_position="last")
    assert sorted(data.ids) == sorted(called["customer_id"])
    assert list(_column(data, "source_cltv")[: len(data.ids)]) == sorted(called["source_cltv"].fillna(0), reverse=True)
    for name in ("city", "gender", "payment_method"):
        shown = [data.values[name][code] for code in _column(data, name)]
        assert sorted(shown) == sorted(frame[name].fillna("Unknown"))


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=40))
def test_a_cell_of_the_matrix_lies_in_one_quadrant(rows):
    _, data = _pack(rows)
    cells, segments = _column(data, "cell"), _column(data, "risk_segment")
    for cell, code in zip(cells, segments, strict=True):
        score_top, cltv_top = cell % data.score_bins * 10, (cell // data.score_bins + 1) * data.cltv_bin
        is_high = ("High-Value" in data.values["risk_segment"][code], "High-Risk" in data.values["risk_segment"][code])
        assert is_high == (cltv_top > 2000, score_top > 60)


def test_a_lake_without_data_has_no_dashboard(tmp_path):
    assert write_dashboard(open_folder(tmp_path)) is None
    assert not Dashboards(open_folder(tmp_path)).holds("t", 0)


def test_data_is_kept_and_the_key_stays(tmp_path):
    store = Dashboards(open_folder(tmp_path))
    _, data = _pack([ROW_EXAMPLE])
    store.write(data)
    assert store.read() == data
    assert store.holds("t", 1)
    assert not store.holds("t", 2)
    assert not store.holds("u", 1)
    assert store.key() == store.key()
    assert len(store.key()) == 64


ROW_EXAMPLE = {
    "payment_method": "Mailed check", "gender": "Male", "contract": "One year", "churn_reason": None, "city": "Fresno",
    "tenure_months": 3, "churn_flag": 0, "monthly_cents": 5000, "source_churn_score": 80, "source_cltv": 3000,
}  # fmt: skip
