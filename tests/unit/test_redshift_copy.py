"""COPY of Parquet by manifest: what is taken, what is refused, what reaches PostgreSQL."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.local.redshift.copy import CopyError, CopyPlan, is_copy, parse_copy, read_rows


def _write(folder, table, name="part-0.parquet", **entry):
    path = folder / name
    pq.write_table(table, path)
    return {"url": str(path), "mandatory": True, "meta": {"content_length": path.stat().st_size}} | entry


def _plan(folder, *entries):
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({"entries": entries}), encoding="utf-8")
    return CopyPlan("t", (), str(manifest))


def _rows(plan, *types):
    chunks = list(read_rows(plan, list(types)))
    text = b"".join(chunk for chunk, _ in chunks).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == sum(count for _, count in chunks)
    return rows


def test_values_of_every_type_arrive_as_text(tmp_path):
    table = pa.table(
        {
            "s": pa.array(["a"]),
            "i": pa.array([7], pa.int32()),
            "b": pa.array([True]),
            "n": pa.array([Decimal("12.30")], pa.decimal128(14, 2)),
            "f": pa.array([0.5]),
            "d": pa.array([date(2026, 1, 2)]),
            "t": pa.array([datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)], pa.timestamp("us")),
        }
    )
    kinds = ("text", "integer", "boolean", "numeric", "double precision", "date", "timestamp without time zone")
    (row,) = _rows(_plan(tmp_path, _write(tmp_path, table)), *kinds)
    assert row[:6] == ["a", "7", "true", "12.30", "0.5", "2026-01-02"]
    assert row[6].startswith("2026-01-02 03:04:05")


texts = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=10)


@given(st.lists(texts, min_size=1))
def test_text_survives_quotes_newlines_and_nulls(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("copy")
    table = pa.table({"s": pa.array(values, pa.string()), "i": pa.array([1] * len(values))})
    plan = _plan(folder, _write(folder, table))
    assert [row[0] for row in _rows(plan, "text", "bigint")] == [value or "" for value in values]


def test_a_null_is_told_from_an_empty_text(tmp_path):
    plan = _plan(tmp_path, _write(tmp_path, pa.table({"s": ["", None, '"']})))
    assert b"".join(chunk for chunk, _ in read_rows(plan, ["text"])) == b'""\n\n""""\n'


def test_files_are_read_in_the_manifest_s_order(tmp_path):
    entries = [_write(tmp_path, pa.table({"i": [n]}), f"{n}.parquet") for n in (3, 1, 2)]
    assert [row[0] for row in _rows(_plan(tmp_path, *entries), "bigint")] == ["3", "1", "2"]


@pytest.mark.parametrize(
    ("types", "words"),
    [
        (["text"], "incompatible Parquet schema for column i"),
        (["bigint", "bigint"], "has 1 columns, the table 2"),
        (["json"], "incompatible"),
    ],
)
def test_a_file_must_fit_the_table(tmp_path, types, words):
    plan = _plan(tmp_path, _write(tmp_path, pa.table({"i": [1]})))
    with pytest.raises(CopyError, match=words):
        list(read_rows(plan, types))


def test_the_manifest_is_believed_to_the_byte(tmp_path):
    entry = _write(tmp_path, pa.table({"i": [1]}))
    for spoiled, words in (
        (entry | {"meta": {"content_length": 1}}, "the manifest says 1"),
        (entry | {"meta": {}}, "without meta.content_length"),
        (entry | {"url": str(tmp_path / "gone.parquet")}, "mandatory file"),
    ):
        with pytest.raises(CopyError, match=words):
            list(read_rows(_plan(tmp_path, spoiled), ["bigint"]))
    optional = entry | {"url": str(tmp_path / "gone.parquet"), "mandatory": False}
    assert list(read_rows(_plan(tmp_path, optional), ["bigint"])) == []


def test_a_missing_or_damaged_manifest_is_named(tmp_path):
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    for name in ("none.json", "broken.json"):
        with pytest.raises(CopyError, match=name):
            list(read_rows(CopyPlan("t", (), str(tmp_path / name)), ["bigint"]))


@pytest.mark.parametrize(
    ("statement", "answer"),
    [("COPY t FROM 'x'", True), ("copy\nt from 'x'", True), ("COPYING", False), ("SELECT 1", False)],
)
def test_a_copy_is_told_from_other_statements(statement, answer):
    assert is_copy(statement) is answer


@pytest.mark.parametrize(
    "options",
    [
        "IAM_ROLE 'r' FORMAT PARQUET MANIFEST",
        "iam_role default format as parquet manifest",
        "FORMAT PARQUET MANIFEST STATUPDATE OFF FILLRECORD IAM_ROLE 'r'",
    ],
)
def test_options_come_in_any_order_and_case(options):
    assert parse_copy(f"COPY s.t FROM 's3://b/m' {options}") == CopyPlan("s.t", (), "s3://b/m")
