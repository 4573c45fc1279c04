"""Packed data holds what was packed, in the smallest types, whatever the rows."""

import base64
import zlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import LakeError
from contract.metrics import CONDITIONS, DIMENSIONS
from lake.dashboard_data import Dashboards, pack
from lake.storage import open_folder
from serving.dashboard.page import write_dashboard
from tests.support.gold_rows import with_logic

ROW = st.fixed_dictionaries(
    {
        "payment_method": st.sampled_from(["Mailed check", "Electronic check", None]),
        "gender": st.sampled_from(["Male", "Female", None]),
        "contract": st.sampled_from(["One year", "Two year"]),
        "churn_reason": st.sampled_from(["Moved", None]),
        "city": st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8)),
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
    for cell, code in zip(cells.tolist(), segments, strict=True):
        score_top, cltv_top = cell % data.score_bins * 10, (cell // data.score_bins + 1) * data.cltv_bin
        is_high = ("High-Value" in data.values["risk_segment"][code], "High-Risk" in data.values["risk_segment"][code])
        assert is_high == (cltv_top > 2000, score_top > 60)


def test_a_lake_without_data_has_no_dashboard(tmp_path):
    assert write_dashboard(open_folder(tmp_path)) is None
    assert not Dashboards(open_folder(tmp_path)).has("t", 0)


def test_data_is_kept_and_the_key_stays(tmp_path):
    store = Dashboards(open_folder(tmp_path))
    _, data = _pack([ROW_EXAMPLE])
    store.write(data)
    assert store.read() == data
    assert store.has("t", 1)
    assert not store.has("t", 2)
    assert not store.has("u", 1)
    assert store.key() == store.key()
    assert len(store.key()) == 64


ROW_EXAMPLE = {
    "payment_method": "Mailed check", "gender": "Male", "contract": "One year", "churn_reason": None, "city": "Fresno",
    "tenure_months": 3, "churn_flag": 0, "monthly_cents": 5000, "source_churn_score": 80, "source_cltv": 3000,
}  # fmt: skip


def _rows(*changes):
    return [ROW_EXAMPLE | change for change in changes]


@pytest.mark.parametrize(
    ("greatest", "bytes_each"), [(0, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 4), (999_999, 4)]
)
def test_amounts_take_their_smallest_type(greatest, bytes_each):
    _, data = _pack(_rows({"monthly_cents": greatest}, {"monthly_cents": 0}))
    assert data.types["monthly_charges"] == bytes_each
    assert sorted(_column(data, "monthly_charges")) == [0, greatest]


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=20))
def test_every_column_has_every_customer(rows):
    _, data = _pack(rows)
    for name in (*DIMENSIONS, "kind", "tenure_months", "monthly_charges", "source_cltv", "cell"):
        assert len(_column(data, name)) == data.customers == len(rows), name
    assert len(_column(data, "source_churn_score")) == len(data.ids)
    assert all(_column(data, name).max() < len(data.values[name]) for name in DIMENSIONS)
    assert set(data.types) == set(data.columns)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=20), st.randoms())
def test_order_of_rows_changes_nothing(rows, random):
    frame, data = _pack(rows)
    order = list(range(len(frame)))
    random.shuffle(order)
    shuffled = pack(frame.iloc[order], table_id="t", version=1, made_at=data.made_at, trend=[])
    assert replace(shuffled, columns={}) == replace(data, columns={})
    assert _column(shuffled, "source_cltv").tolist() == _column(data, "source_cltv").tolist()


def test_kinds_name_their_conditions():
    _, data = _pack(_rows({}, {"churn_flag": 1, "source_churn_score": 10}, {"source_churn_score": None}))
    assert sorted(sorted(kind) for kind in data.kinds) == [
        ["assessed", "at_risk", "high_source_score", "retained", "scored", "valued"],
        ["assessed", "churned", "scored", "valued"],
        ["retained", "valued"],
    ]  # fmt: skip
    assert {name for kind in data.kinds for name in kind} <= {condition.name for condition in CONDITIONS}


def test_reasons_are_of_churned_customers():
    rows = _rows(
        {"churn_reason": "Moved"}, {"churn_flag": 1, "churn_reason": None}, {"churn_flag": 1, "churn_reason": "Moved"}
    )
    _, data = _pack(rows)
    shown = [data.values["churn_reason"][code] for code in _column(data, "churn_reason")]
    assert sorted(shown) == ["Moved", "Not churned", "Unknown"]


@pytest.mark.parametrize(("score", "is_scored"), [(None, False), (0, True), (71, True)])
def test_missing_scores_are_said(score, is_scored):
    _, data = _pack(_rows({"source_churn_score": score}))
    assert ["scored" in kind for kind in data.kinds] == [is_scored]


@pytest.mark.parametrize("has_scores", [True, False])
def test_data_of_the_first_release_says_who_is_scored(tmp_path, has_scores):
    store = Dashboards(open_folder(tmp_path))
    store.write(_pack([ROW_EXAMPLE])[1])
    content = store.folder.read_json("data.json")
    store.folder.write_json("data.json", content | {"kinds": [["retained"]], "has_scores": has_scores})
    (kind,) = store.read().kinds
    assert ("scored" in kind) is has_scores


def test_zero_character_makes_another_value():
    _, data = _pack(_rows({"city": ""}, {"city": "\0"}, {"city": "\0a"}))
    assert data.values["city"] == ["", "\0", "\0a"]


def test_wide_amounts_widen_the_bins():
    _, narrow = _pack(_rows({"tenure_months": 1, "monthly_cents": 100}))
    _, wide = _pack(_rows({"tenure_months": 300, "monthly_cents": 10_000_00}))
    assert narrow.cltv_bin < wide.cltv_bin == 2000
    assert _column(wide, "cell")[0] // wide.score_bins == 19


def test_trend_is_carried_along():
    frame, _ = _pack(_rows({}))
    data = pack(
        frame, table_id="t", version=2, made_at="2026-01-01T00:00:00+00:00", trend=(("2026", {"customers": 1}),)
    )
    assert data.trend == [["2026", {"customers": 1}]]


def test_other_definition_is_packed_again(tmp_path):
    store = Dashboards(open_folder(tmp_path))
    store.write(_pack([ROW_EXAMPLE])[1])
    store.folder.write_json("version.json", {"table_id": "t", "version": 1, "definition": "of last year"})
    assert not store.has("t", 1)


def test_interrupted_write_is_packed_again(tmp_path):
    store = Dashboards(open_folder(tmp_path))
    store.write(_pack([ROW_EXAMPLE])[1])
    store.folder.delete("version.json")
    assert not store.has("t", 1)
    assert store.read() is not None


def test_data_of_another_release_is_named(tmp_path):
    store = Dashboards(open_folder(tmp_path))
    store.folder.write_json("data.json", {"customers": 3})
    with pytest.raises(LakeError, match=r"_dashboard/data\.json was written by another version"):
        store.read()


def test_lakes_have_keys_of_their_own(tmp_path):
    one, other = (Dashboards(open_folder(tmp_path / name)).key() for name in ("one", "other"))
    assert one != other
    assert int(one, 16) >= 0
