"""Sample data: the same bytes for the same seed, layouts that are recognised, faults that are counted."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.defaults import MAX_QUARANTINED_SHARE
from contract.errors import RawPathError
from contract.feeds import FEEDS
from lake.landing import discover, files_by_day
from lake.manifests import Manifests
from lake.storage import open_folder
from sample_data.customers import customer_ids
from sample_data.faults import FAULTS, usual_faults
from sample_data.generator import FIRST_DAY, generate


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


def _jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _csv(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    ("layout", "feeds"),
    [("feeds", ["billing", "demographics", "services"]), ("flat33", ["customers"]), ("flat21", ["customers"])],
)
def test_layout_is_recognised_as_its_feed(tmp_path, layout, feeds):
    generate(20, 2, tmp_path / "raw", seed=3, layout=layout)
    found = discover(str(tmp_path / "raw"), Manifests(open_folder(tmp_path / "lake")))
    assert sorted({file.feed for file in found.new}) == feeds
    assert found.set_aside == ()
    assert [str(day) for day in files_by_day(str(tmp_path / "raw"))] == ["2026-01-01", "2026-01-02"]


@pytest.mark.parametrize(("layout", "columns"), [("flat33", 33), ("flat21", 21)])
def test_flat_file_has_its_columns(tmp_path, layout, columns):
    (path,) = generate(30, 1, tmp_path, seed=3, layout=layout)
    rows = _csv(path)
    assert len(rows) == 30
    assert len(rows[0]) == columns
    assert len({next(iter(row.values())) for row in rows}) == 30


def test_flat21_counts_seniors(tmp_path):
    (path,) = generate(60, 1, tmp_path, seed=3, layout="flat21")
    assert {row["SeniorCitizen"] for row in _csv(path)} == {"0", "1"}


def test_flat33_says_churn_twice(tmp_path):
    (path,) = generate(60, 1, tmp_path, seed=3, layout="flat33")
    for row in _csv(path):
        assert row["Churn Value"] == ("1" if row["Churn Label"] == "Yes" else "0")
        assert row["Lat Long"] == f"{row['Latitude']}, {row['Longitude']}"
        assert bool(row["Churn Reason"]) == (row["Churn Label"] == "Yes")


def test_feeds_hold_the_same_customers(tmp_path):
    generate(40, 1, tmp_path, seed=3)
    (day,) = {path.name for path in (tmp_path / "billing").iterdir()}
    ids = {row["customer_id"] for row in _jsonl(tmp_path / "billing" / day / "billing.jsonl")}
    assert {row["customer_id"] for row in _jsonl(tmp_path / "services" / day / "services.jsonl")} == ids
    assert {row["customer_id"] for row in _csv(tmp_path / "demographics" / day / "demographics.csv")} == ids
    assert day == str(FIRST_DAY)


def test_later_day_brings_changes_only(tmp_path):
    generate(2000, 2, tmp_path, seed=3)
    first, second = (_jsonl(tmp_path / f"billing/2026-01-0{day}/billing.jsonl") for day in (1, 2))
    before = {row["customer_id"]: row for row in first}
    joined = [row for row in second if row["customer_id"] not in before]
    changed = [row for row in second if row["customer_id"] in before]
    assert 0 < len(changed) < len(first) / 20
    assert len(joined) == 2
    assert all(row["tenure_months"] == 0 and row["churn"] == "No" for row in joined)
    assert all(row["updated_at"] == "2026-01-02T03:00:00Z" for row in second)
    for row in changed:
        old = before[row["customer_id"]]
        assert row["tenure_months"] - old["tenure_months"] in (0, 1)
        assert row["churn"] == "Yes" or old["churn"] == "No", "nobody comes back"
        assert (row["tenure_months"], row["churn"]) != (old["tenure_months"], old["churn"])


def test_days_before_stay_the_same(tmp_path):
    generate(50, 1, tmp_path / "one", seed=3)
    generate(50, 3, tmp_path / "three", seed=3)
    one, three = _files(tmp_path / "one"), _files(tmp_path / "three")
    assert {name: three[name] for name in one} == one
    assert len(three) == len(one) + 2 * 3


@pytest.mark.parametrize(("customers", "faults"), [(1, 0), (150, 0), (180, 1), (300, 1), (400, 2), (7_000, 2)])
def test_usual_faults_hold_no_file(customers, faults):
    assert usual_faults(customers) == faults
    rows = {feed: sum(fault.rows for fault in FAULTS if fault.feed == feed) * faults for feed in FEEDS}
    assert all(count <= MAX_QUARANTINED_SHARE * (customers + count) for count in rows.values())


def test_faults_are_of_first_day(tmp_path):
    generate(50, 2, tmp_path / "clean", seed=3)
    generate(50, 2, tmp_path / "faulty", seed=3, faults=2)
    clean, faulty = _files(tmp_path / "clean"), _files(tmp_path / "faulty")
    assert all(faulty[name] == clean[name] for name in clean if "2026-01-02" in name)
    for feed in ("billing", "services", "demographics"):
        (name,) = [name for name in clean if name.startswith(f"{feed}/2026-01-01")]
        expected = sum(2 * fault.rows for fault in FAULTS if fault.feed == feed)
        assert faulty[name].startswith(clean[name])
        assert len(faulty[name].removeprefix(clean[name]).splitlines()) == expected


@pytest.mark.parametrize(("layout", "faults", "rows"), [("feeds", 3, 36), ("feeds", 0, 0), ("flat33", 3, 0)])
def test_rejections_are_counted(tmp_path, layout, faults, rows):
    generate(20, 1, tmp_path, seed=3, layout=layout, faults=faults)
    assert sum(json.loads((tmp_path / "_faults.json").read_text()).values()) == rows


def test_compressed_files_hold_the_same(tmp_path):
    generate(20, 1, tmp_path / "plain", seed=3)
    written = generate(20, 1, tmp_path / "packed", seed=3, compress=True)
    assert sorted(path.name for path in written) == ["billing.jsonl.gz", "demographics.csv", "services.jsonl.gz"]
    packed = tmp_path / "packed/billing/2026-01-01/billing.jsonl.gz"
    plain = tmp_path / "plain/billing/2026-01-01/billing.jsonl"
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


def test_unwritable_place_names_the_remedy(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RawPathError, match="Choose another --out"):
        generate(5, 1, tmp_path / "file" / "raw", seed=1)
