"""Files of every kind to bronze: what only the job shows. Parsing itself is in tests/unit/test_raw_*.py."""

import bz2
import gzip
import json
import os
from datetime import UTC, datetime

import pytest

from contract.errors import RawPathError
from contract.feeds import FEEDS
from jobs import raw_reader
from jobs.raw_reader import receive
from lake import landing
from lake.landing import discover
from lake.manifests import Manifests
from lake.raw.files import FileAccount, staged_columns, staged_schema
from lake.raw.layout import SAMPLE_BYTES
from lake.storage import open_folder
from tests.spark.frames import FILE_TIME, INGESTED_AT, assert_declared, utc
from tests.support.pipeline import PipelineHarness
from tests.support.records import GOOD, many, record, write_jsonl
from transforms.bronze import bronze_rows

PEOPLE = [record("A-1", city="La Cañada, North"), record("A-2", city="Fresno")]


def _csv(records, delimiter=",", end="\n"):
    lines = [delimiter.join(records[0])]
    lines += [delimiter.join(f'"{v}"' if delimiter in v else v for v in r.values()) for r in records]
    return end.join(lines) + end


VARIANTS = {
    "comma.csv": ("\ufeff" + _csv(PEOPLE)).encode(),
    "crlf.csv": _csv(PEOPLE, end="\r\n").encode(),
    "semicolon.csv": _csv(PEOPLE, ";").encode(),
    "tab.tsv": _csv(PEOPLE, "\t").encode(),
    "zipped.csv.gz": gzip.compress(_csv(PEOPLE).encode()),
    "blocks.csv": bz2.compress(_csv(PEOPLE).encode()),
    "unicode.csv": _csv(PEOPLE, "\t").encode("utf-16"),
    "at 10:15:00.csv": _csv(PEOPLE, "|").encode(),
    "new\nline {1,2}*.csv": _csv(PEOPLE).encode(),
    "marked.json": ("\ufeff" + json.dumps(PEOPLE)).encode(),
    "one_line.jsonl": "".join(json.dumps(p) for p in PEOPLE).encode(),
    "array.json": json.dumps(PEOPLE, indent=1).encode(),
    "lines.jsonl": "\n".join(json.dumps(p) for p in PEOPLE).encode(),
    "camel.csv": _csv(PEOPLE).replace("customer_id", "Customer ID").replace("tenure_months", "Tenure").encode(),
}


@pytest.fixture(scope="module")
def mixed(spark, tmp_path_factory):
    """One batch of files of every kind: the rows of bronze, and the result."""
    folder = tmp_path_factory.mktemp("mixed")
    raw = folder / "raw with space"
    nested = raw / "2026" / "march [x] a+b"
    nested.mkdir(parents=True)
    for name, content in VARIANTS.items():
        (nested / name).write_bytes(content)
    with write_jsonl(raw / "kept.jsonl", *many(30), record("A-9", shoe_size=44)).open("a") as out:
        out.write('{"customer_id": "cut\n')
    (raw / "empty.csv").touch()
    (raw / "notes.docx").write_text("x")
    (raw / "_hidden.csv").write_text("x")
    pipeline = PipelineHarness(folder / "lake")
    result = pipeline.job("bronze", raw=str(raw))["bronze.customers"]
    return pipeline.records("bronze.customers"), result


def test_every_spelling_gives_same_rows(mixed):
    rows, _ = mixed
    by_file = {}
    for row in rows:
        folder, _, name = row["_source_file"].rpartition("/")
        if folder:
            assert folder == "2026/march [x] a+b"
            assert row["_parse_error"] is None, name
            by_file.setdefault(name, []).append(tuple(row[c] for c in GOOD))
    expected = sorted(tuple(person[c] for c in GOOD) for person in PEOPLE)
    assert {name: sorted(found) for name, found in by_file.items()} == dict.fromkeys(VARIANTS, expected)


def test_empty_and_unknown_files_are_named(mixed):
    rows, result = mixed
    assert len(result.notes) == 2
    assert any("empty.csv" in note and note.startswith("left for the next run") for note in result.notes)
    assert "set aside: notes.docx: a document, not data." in result.notes
    assert (result.waiting, [file.file for file in result.set_aside]) == (("empty.csv",), ["notes.docx"])
    assert result.statistics.files == len(VARIANTS) + 1
    assert result.rows_written == len(rows) == 2 * len(VARIANTS) + 32


def test_unknown_columns_and_broken_lines_are_kept(mixed):
    rows = [row for row in mixed[0] if row["_source_file"] == "kept.jsonl"]
    assert len(rows) == 32
    assert [r["_rescued_data"] for r in rows if r["customer_id"] == "A-9"] == ['{"shoe_size":"44"}']
    (broken,) = (r for r in rows if r["_parse_error"])
    assert broken["_rescued_data"] == '{"customer_id": "cut'


def test_file_is_ingested_once_per_content(pipeline, tmp_path):
    raw = tmp_path / "raw"
    file = write_jsonl(raw / "day.jsonl", record("A-1"))
    assert pipeline.job("bronze", raw=str(raw))["bronze.customers"].rows_written == 1
    assert pipeline.job("bronze", raw=str(raw))["bronze"].outcome == "unchanged"
    file.touch()
    assert pipeline.job("bronze", raw=str(raw))["bronze"].outcome == "unchanged"
    write_jsonl(file, record("A-1"), record("A-2"))
    assert pipeline.job("bronze", raw=str(raw))["bronze.customers"].rows_written == 2
    write_jsonl(file, record("A-1"))
    assert pipeline.job("bronze", raw=str(raw))["bronze.customers"].rows_written == 1
    batches = sorted(row["_batch_id"] for row in pipeline.records("bronze.customers"))
    assert batches == [1, 2, 2, 3]


def test_file_of_no_known_layout_stops_no_other(pipeline, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "good.jsonl", record("A-1"))
    (raw / "bad.csv").write_text("customer_id,gender,partner,dependents\nx,Male,No,No\n")
    (raw / "book.xlsx").write_text("x")
    first = pipeline.job("bronze", raw=str(raw))["bronze.customers"]
    assert (first.outcome, first.rows_written) == ("passed", 1)
    assert [(file.file, file.is_new) for file in first.set_aside] == [("bad.csv", True), ("book.xlsx", True)]
    assert any(note.startswith("set aside: bad.csv: ") for note in first.notes)
    second = pipeline.job("bronze", raw=str(raw))["bronze"]
    assert second.outcome == "unchanged"
    assert [(file.file, file.is_new) for file in second.set_aside] == [("bad.csv", False), ("book.xlsx", False)]
    write_jsonl(raw / "bad.csv", record("A-2"))
    third = pipeline.job("bronze", raw=str(raw))["bronze.customers"]
    assert ([file.file for file in third.set_aside], third.rows_written) == (["book.xlsx"], 1)


def test_only_files_that_are_set_aside_are_no_error(pipeline, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "README.txt").write_text("Files of the billing system.\n")
    result = pipeline.job("bronze", raw=str(tmp_path / "raw"))["bronze"]
    assert (result.outcome, [file.file for file in result.set_aside]) == ("unchanged", ["README.txt"])
    assert not (pipeline.path / "bronze").exists()
    assert Manifests(pipeline.folder).numbers() == []


def test_manifest_counts_rows_by_file(pipeline, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "a.jsonl", *many(3))
    write_jsonl(raw / "b.jsonl", *many(5))
    write_jsonl(raw / "billing" / "c.jsonl", record("A-1"))
    pipeline.job("bronze", raw=str(raw))
    rows = {entry.path: entry.rows for entry in Manifests(pipeline.folder).register()}
    assert rows == {"a.jsonl": 3, "b.jsonl": 5, "billing/c.jsonl": 1}


def test_same_files_are_ingested_once_however_raw_is_given(pipeline, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "billing" / "2026-01-04" / "a.jsonl", record("A-1"))
    assert pipeline.job("bronze", raw=str(raw / "billing" / "2026-01-04"))["bronze.billing"].rows_written == 1
    assert pipeline.job("bronze", raw=str(raw / "billing"))["bronze"].outcome == "unchanged"
    assert pipeline.job("bronze", raw=str(raw))["bronze"].outcome == "unchanged"
    (row,) = pipeline.records("bronze.billing")
    assert (row["_source_file"], str(row["_file_event_at"])[:10]) == ("billing/2026-01-04/a.jsonl", "2026-01-04")


def test_copy_of_old_content_does_not_overwrite_newer(pipeline, tmp_path):
    """Old content comes once more, under a new name and with a new file time."""
    raw = tmp_path / "raw"
    for name, churn, day in (("a.jsonl", "No", 1), ("a.jsonl", "Yes", 2), ("a (1).jsonl", "No", 3)):
        moment = datetime(2026, 1, day, tzinfo=UTC).timestamp()
        os.utime(write_jsonl(raw / name, record("A-1", churn=churn)), (moment, moment))
        (result,) = pipeline.job("bronze", raw=str(raw)).values()
        pipeline.job("silver")
    assert any("has the content of a.jsonl" in note for note in result.notes)
    (customer,) = pipeline.records("silver.customers")
    assert customer["churn"] is True


def test_verify_compares_files_that_are_trusted_otherwise(pipeline, tmp_path, monkeypatch):
    monkeypatch.setattr(landing, "TRUSTED_BYTES", 10)
    for customer in ("A-1", "A-2"):
        os.utime(write_jsonl(tmp_path / "raw" / "a.jsonl", record(customer)), (1_600_000_000, 1_600_000_000))
        result = pipeline.job("bronze", raw=str(tmp_path / "raw"))
    assert result["bronze"].outcome == "unchanged"
    assert pipeline.job("bronze", raw=str(tmp_path / "raw"), verify="true")["bronze.customers"].rows_written == 1


def test_no_file_is_an_error(pipeline, tmp_path):
    (tmp_path / "nothing").mkdir()
    for name in ("nowhere", "nothing"):
        with pytest.raises(RawPathError, match=f"{name} does not exist or is empty"):
            pipeline.job("bronze", raw=str(tmp_path / name))
    with pytest.raises(RawPathError, match="needs --raw"):
        pipeline.job("bronze")


def _staged(spark, feed, *rows):
    lineage = {"_source_checksum": "sum", "_file_event_at": FILE_TIME.isoformat()}
    return spark.createDataFrame(
        [tuple((lineage | row).get(name) for name in staged_schema(feed).names) for row in rows], staged_columns(feed)
    )


@pytest.mark.parametrize("feed", FEEDS)
def test_rows_have_the_declared_schema(spark, feed):
    staged = _staged(spark, FEEDS[feed], {"_source_file": "a", "customer_id": "A-1"}, {"_source_file": "b"})
    accounts = [FileAccount("a", 1), FileAccount("b", fault="it is cut off")]
    rows = bronze_rows(staged, FEEDS[feed], accounts, 7, INGESTED_AT)
    (row,) = rows.collect()
    assert_declared(rows, f"bronze.{feed}", [row])
    assert (row["_batch_id"], row["_source_file"], row["_source_checksum"], row["customer_id"]) == (
        7,
        "a",
        "sum",
        "A-1",
    )
    assert (utc(row["_ingested_at"]), utc(row["_file_event_at"])) == (INGESTED_AT, FILE_TIME)


def test_sparse_column_is_blank_where_a_record_lacks_it(spark):
    staged = _staged(
        spark,
        FEEDS["billing"],
        {"_source_file": "a", "churn": "Yes"},
        {"_source_file": "a", "contract": "One year"},
        {"_source_file": "a", "_parse_error": "not a JSON object"},
        {"_source_file": "b"},
    )
    accounts = [FileAccount("a", 3, sparse=("churn", "contract")), FileAccount("b", 1)]
    rows = bronze_rows(staged, FEEDS["billing"], accounts, 1, INGESTED_AT).collect()
    assert [(row["churn"], row["contract"], row["tenure_months"]) for row in rows] == [
        ("Yes", "", None), ("", "One year", None), (None, None, None), (None, None, None),
    ]  # fmt: skip


def test_workers_read_what_this_process_reads(spark, tmp_path, monkeypatch):
    """Small input is read by the process of the job, large input by Spark's workers."""
    for name, content in VARIANTS.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "long.csv").write_text(_csv(many(3000)))
    (tmp_path / "cut.csv").write_text(_csv(PEOPLE))
    files = discover(str(tmp_path), Manifests(open_folder(tmp_path / "_lake"))).new
    (tmp_path / "cut.csv").write_bytes(gzip.compress(b"x" * 1000)[:-1])
    found = []
    for limit in (raw_reader.SMALL_INPUT_BYTES, 0):
        monkeypatch.setattr(raw_reader, "SMALL_INPUT_BYTES", limit)
        staging = open_folder(tmp_path / "_lake [x]" / str(limit))
        received = receive(spark, FEEDS["customers"], files, staging)
        rows = received.rows(1, INGESTED_AT).select("_source_file", *GOOD).collect()
        found.append((received.files, sorted(tuple(row) for row in rows)))
        assert [file.path for file in received.set_aside] == ["cut.csv"]
        assert len(received.readable) == len(VARIANTS) + 1
        assert received.records == len(found[-1][1]) == 3000 + 2 * len(VARIANTS)
    assert found[0] == found[1]


def _cut_array():
    """A JSON array that is cut off behind what is looked at to find out what a file is."""
    text = json.dumps(many(2000))
    assert len(text) > SAMPLE_BYTES
    return text[:-9]


def test_damaged_file_is_set_aside(pipeline, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "good.jsonl", *many(30))
    (raw / "cut.json").write_text(_cut_array())
    result = pipeline.job("bronze", raw=str(raw))["bronze.customers"]
    assert (result.rows_written, result.statistics.files) == (30, 1)
    assert any(note.startswith("set aside: cut.json: its JSON array is broken") for note in result.notes)
    assert [file.path for file in Manifests(pipeline.folder).last().files] == ["good.jsonl"]
    assert {row["_source_file"] for row in pipeline.records("bronze.customers")} == {"good.jsonl"}


def test_nothing_is_written_where_no_file_can_be_read(pipeline, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "cut.json").write_text(_cut_array())
    result = pipeline.job("bronze", raw=str(raw))["bronze"]
    assert result.outcome == "unchanged"
    assert any("set aside: cut.json" in note for note in result.notes)
    assert Manifests(pipeline.folder).numbers() == []


def test_staged_rows_are_removed(pipeline, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "a.jsonl", record("A-1"))
    (pipeline.folder / "_control/staging/billing").write_bytes("left-00000.parquet", b"of a run that was killed")
    pipeline.job("bronze", raw=str(raw))
    assert "staging" not in (pipeline.folder / "_control").names()


def test_european_excel_is_noted(pipeline, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "excel.csv").write_bytes(_csv([record("A-1", city="München")], ";", "\r\n").encode("cp1252"))
    result = pipeline.job("bronze", raw=str(raw))["bronze.customers"]
    assert result.notes == ("excel.csv: read as Windows-1252, as it is not UTF-8",)
    assert [row["city"] for row in pipeline.records("bronze.customers")] == ["München"]
