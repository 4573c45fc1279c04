import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.sample.customers import customer_ids
from local.sample.generator import generate


def _files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("layout", ["feeds", "flat33", "flat21"])
def test_the_same_seed_gives_the_same_bytes(tmp_path, layout):
    for name in ("a", "b"):
        generate(50, 2, tmp_path / name, seed=1, layout=layout, faults=1, compress=True)
    assert _files(tmp_path / "a") == _files(tmp_path / "b")
    generate(50, 2, tmp_path / "c", seed=2, layout=layout, faults=1, compress=True)
    assert _files(tmp_path / "a") != _files(tmp_path / "c")


@given(st.integers(0, 10**8))
def test_ids_do_not_repeat(first):
    ids = customer_ids(first, 500)
    assert ids.is_unique
    assert ids.str.fullmatch(r"\d{4}-[A-Z]{5}").all()


def test_the_marginals_are_those_of_an_operator(tmp_path):
    generate(7000, 1, tmp_path, seed=7)
    lines = (tmp_path / "billing/2026-01-01/billing.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 7000
    left = [row for row in rows if row["churn"] == "Yes"]
    assert 0.22 < len(left) / len(rows) < 0.30
    assert all(("churn_reason" in row) == (row["churn"] == "Yes") for row in rows)
    monthly = [row for row in rows if row["contract"] == "Month-to-month"]
    assert sum(row["churn"] == "Yes" for row in monthly) / len(monthly) > 0.35
