"""Raw files to staged rows: a row for every record, an account for every file, and nothing of a file that is damaged."""

import gzip
import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.feeds import FEEDS
from lake.landing import RawFile
from lake.raw import files, rows
from lake.raw.files import stage_files, staged_schema
from lake.raw.records import Limits
from lake.storage import open_folder

FEED = FEEDS["demographics"]
HEAD = "customer_id,gender,senior_citizen,partner,dependents,city\n"
FULL = "A-1,Female,No,No,No,Fresno\n"


def _raw_file(folder, name):
    return RawFile(name, folder.uri(name), 1, 1, f"sum of {name}", "2026-03-09T00:00:00+00:00", FEED.name)


class Stage:
    """A folder of raw files and what staging makes of them."""

    def __init__(self, folder):
        self.raw, self.target = open_folder(folder) / "raw", open_folder(folder) / "staging"

    def __call__(self, contents, feed=FEED, **options):
        for name, content in contents.items():
            self.raw.write_bytes(name, content if isinstance(content, bytes) else content.encode())
        listed = [_raw_file(self.raw, name) for name in contents]
        self.accounts = {account.path: account for account in stage_files(listed, feed, self.target, "p", **options)}
        parts = [pq.read_table(io.BytesIO(self.target.read_bytes(name))) for name in self.target.names()]
        assert all(part.schema.equals(staged_schema(feed)) for part in parts)
        self.rows = pa.concat_tables(parts).to_pylist()
        return self.rows

    def values(self, *columns):
        return [tuple(row[column] for column in columns) for row in self.rows]


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def test_rows_say_where_they_come_from(stage):
    stage({"a/b.csv": HEAD + FULL, "c.jsonl": '{"customer_id": "A-2"}\nbroken\n'})
    lineage = stage.values("_source_file", "_source_checksum", "_file_event_at", "customer_id")
    time = "2026-03-09T00:00:00+00:00"
    assert lineage == [
        ("a/b.csv", "sum of a/b.csv", time, "A-1"),
        ("c.jsonl", "sum of c.jsonl", time, "A-2"),
        ("c.jsonl", "sum of c.jsonl", time, None),
    ]
    assert [account.records for account in stage.accounts.values()] == [1, 2]


def test_optional_columns_that_no_record_has_are_named(stage):
    """A column whose values are all blank is there."""
    stage({
        "a.csv": HEAD.replace("city", "city,state") + FULL.replace("Fresno", ",") * 3,
        "b.jsonl": '{"customer_id": "A-2"}\n{"customer_id": "A-3", "city": null}\nbroken\n',
    })  # fmt: skip
    lacking = {path: [c for c in ("updated_at", "city", "state") if c in a.lacks] for path, a in stage.accounts.items()}
    assert lacking == {"a.csv": ["updated_at"], "b.jsonl": ["updated_at", "state"]}


def test_file_without_a_readable_record_lacks_nothing_that_is_known(stage):
    stage({"head.csv": HEAD, "faulty.csv": HEAD + "A-2,Male\n", "broken.jsonl": "{broken\n", "good.csv": HEAD + FULL})
    lacking = {path: account.lacks is not None for path, account in stage.accounts.items()}
    assert lacking == {"head.csv": False, "faulty.csv": False, "broken.jsonl": False, "good.csv": True}


def test_faulty_record_has_no_values(stage):
    stage({"a.csv": HEAD + FULL + "A-2,Male\n"})
    assert stage.values("customer_id", "_parse_error", "_rescued_data") == [
        ("A-1", None, None),
        (None, "2 fields, the header has 6", "A-2,Male"),
    ]
    assert all(stage.rows[1][column] is None for column in FEED.columns)


RESCUED = {
    "unknown column": ("customer_id,shoe size\nA-1,44\n", {"shoe size": "44"}),
    "two unknown columns": ("x,customer_id,y\n1,A-1,2\n", {"x": "1", "y": "2"}),
    "two of one name": ("x,customer_id,x\n1,A-1,2\n", {"x": "1", "x (3)": "2"}),
    "column in other letters": ("customer_id,東京\nA-1,x\n", {"東京": "x"}),
    "column without a name": ("customer_id,\nA-1,44\n", None),
    "column of another feed": ("customer_id,contract\nA-1,One year\n", {"contract": "One year"}),
    "unknown key": ('{"customer_id": "A-1", "shoe_size": 44}', {"shoe_size": "44"}),
    "nested unknown key": ('{"customer_id": "A-1", "later": {"a": 1}}', {"later": '{"a":1}'}),
    "null in an unknown key": ('{"customer_id": "A-1", "x": null}', {"x": None}),
    "key of another feed": ('{"customer_id": "A-1", "contract": "One year"}', {"contract": "One year"}),
    "nothing unknown": ('{"customer_id": "A-1", "gender": "Male"}', None),
}


@pytest.mark.parametrize("case", RESCUED)
def test_what_no_column_takes_is_rescued(stage, case):
    text, expected = RESCUED[case]
    (row,) = [r for r in stage({"a": text}) if r["customer_id"]]
    assert (json.loads(row["_rescued_data"]) if row["_rescued_data"] else None) == expected


@pytest.mark.parametrize(("value", "is_fault"), [('"D"', True), ("null", False)])
def test_operation_behind_the_sample_is_a_fault(stage, value, is_fault):
    first, second = stage({"a.jsonl": '{"customer_id": "A-1"}\n{"customer_id": "A-2", "op": ' + value + "}\n"})
    assert first["_parse_error"] is None
    assert (second["_parse_error"] == "op says what happened to the record, which is not ingested") is is_fault


def test_spelled_headers_and_keys_are_columns(stage):
    stage({"a.csv": "Customer ID,Sex,CITY\nA-1,Male,Fresno\n", "b.json": '[{"CustomerID": "A-2", "sex": "Male"}]'})
    assert stage.values("customer_id", "gender") == [("A-1", "Male"), ("A-2", "Male")]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ('{"Sex": "Male", "gender": "Male"}', "Male"),
        ('{"Sex": "", "gender": "Male"}', "Male"),
        ('{"Sex": "Male", "gender": null}', "Male"),
        ('{"Sex": null, "gender": null}', ""),
        ('{"Sex": "Male", "gender": "Female"}', None),
    ],
)
def test_two_keys_of_one_column(stage, record, expected):
    (row,) = stage({"a.jsonl": record})
    assert row["gender"] == expected
    assert (row["_parse_error"] is not None) is (expected is None)
    assert expected is not None or "several keys mean gender" in row["_parse_error"]


def test_absent_is_a_property_of_the_file(stage):
    stage({
        "csv": "customer_id,gender\nA-1,\n",
        "all.jsonl": '{"customer_id": "A-2", "gender": "Male"}\n{"customer_id": "A-3", "gender": null}\n',
        "some.jsonl": '{"customer_id": "A-4"}\n{"customer_id": "A-5", "gender": "Male"}\nbroken\n',
        "none.jsonl": '{"customer_id": "A-6"}\n',
    })  # fmt: skip
    assert stage.values("customer_id", "gender", "city")[:3] == [
        ("A-1", "", None),
        ("A-2", "Male", None),
        ("A-3", "", None),
    ]
    assert {path: account.sparse for path, account in stage.accounts.items()} == {
        "csv": (), "all.jsonl": (), "some.jsonl": ("gender",), "none.jsonl": (),
    }  # fmt: skip


def test_key_that_comes_late_is_sparse(stage, monkeypatch):
    """Batches of a file are looked at together."""
    monkeypatch.setattr(rows, "_BATCH_BYTES", 1)
    lines = [f'{{"customer_id": "A-{number}"}}' for number in range(20_000)]
    stage({"a.jsonl": "\n".join([*lines, '{"customer_id": "last", "gender": "Male"}'])})
    account = stage.accounts["a.jsonl"]
    assert (account.records, account.fault, account.sparse) == (20_001, "", ("gender",))


DAMAGED = {
    "cut.csv.gz": gzip.compress((HEAD + FULL * 500_000).encode())[:-9],
    "cut.json": '[{"customer_id": "A-1"}, {"custom',
    "book.csv": b"PK\x03\x04...",
    "blank.csv": " \n",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_file_stops_no_other(stage, name):
    stage({"a.csv": HEAD + FULL, name: DAMAGED[name], "z.csv": HEAD + FULL})
    assert [account.fault == "" for account in stage.accounts.values()] == [True, False, True]
    assert stage.accounts[name].records == 0
    kept = [row for row in stage.rows if row["_source_file"] != name]
    assert [row["customer_id"] for row in kept] == ["A-1", "A-1"]


def test_vanished_file_is_a_fault(stage):
    account = stage_files([_raw_file(stage.raw, "gone.csv")], FEED, stage.target, "p")[0]
    assert "cannot be read (No such file or directory)" in account.fault
    assert stage.target.names() == ["p-00000.parquet"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_forbidden_file_is_a_fault(stage):
    stage.raw.write_bytes("a.csv", b"x")
    Path(stage.raw.uri("a.csv")).chmod(0)
    account = stage_files([_raw_file(stage.raw, "a.csv")], FEED, stage.target, "p")[0]
    assert "Permission denied" in account.fault


def test_many_rows_are_several_parts(stage, monkeypatch):
    monkeypatch.setattr(files, "_PART_BYTES", 1000)
    monkeypatch.setattr(rows, "_BATCH_BYTES", 1000)
    stage({f"{number}.csv": HEAD + FULL * 30_000 for number in range(3)})
    assert len(stage.target.names()) > 3
    assert len(stage.rows) == 90_000


def test_encoding_is_noted(stage):
    stage({"a.csv": "customer_id;city\nA-1;München\n".encode("cp1252"), "b.csv": "customer_id;city\nA-1;München\n"})
    assert [account.encoding for account in stage.accounts.values()] == ["cp1252", "utf-8"]
    assert stage.values("city") == [("München",), ("München",)]


NAMES = [
    "2026-01-05T10:15:00.csv", " lead.csv", "a b+c%20d=e&f#g?.csv", "back\\slash.csv", "com,ma;semi'quote.csv",
    "kundén_ü.csv", "new\nline.csv", "x{1,2}[3]*.csv", "quo\"te.csv", "$HOME.csv", "CUSTOMERS.CSV.GZ", "customers.csv000",
]  # fmt: skip


def test_any_name_is_read(stage):
    stage(dict.fromkeys(NAMES, HEAD + FULL))
    assert [path for (path,) in stage.values("_source_file")] == NAMES


@given(st.lists(st.binary(max_size=60), max_size=5), st.sampled_from([HEAD.encode(), b"{", b"[", b"", b"\x1f\x8b"]))
def test_any_bytes_are_rows_or_one_fault(tmp_path_factory, lines, start):
    stage = Stage(tmp_path_factory.mktemp("any"))
    found = stage({"a": start + b"\n".join(lines), "b.csv": HEAD + FULL}, limits=Limits(80, 5))
    account = stage.accounts["a"]
    own = [row for row in found if row["_source_file"] == "a"]
    assert account.fault or len(own) == account.records
    assert account.fault == "" or account.records == 0
    assert (stage.accounts["b.csv"].records, stage.accounts["b.csv"].fault) == (1, "")


def test_times_stay_text(stage):
    """Any year: Spark casts them."""
    stage({"a.csv": HEAD + FULL})
    assert datetime.fromisoformat(stage.values("_file_event_at")[0][0]) == datetime(2026, 3, 9, tzinfo=UTC)
