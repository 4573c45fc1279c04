"""Files of every kind to bronze: what only the job shows. Parsing itself is in test_parsing."""

import gzip
import json

import pytest

from contract.errors import LayoutError, RawPathError
from lake.manifests import Manifests
from tests.support.pipeline import PipelineHarness
from tests.support.records import GOOD, many, record, write_jsonl

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
    assert any("notes.docx" in note and note.startswith("ignored") for note in result.notes)
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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n1,2\n", ["unknown layout", "Found: a, b", "lacks"]),
        ("customer_id,gender,partner,dependents\nx,Male,No,No\n", ["demographics", "senior_citizen"]),
        ("customer_id,gender,sex,senior,partner,dependents\n", ["both mean gender"]),
    ],
)
def test_unknown_layout_leaves_lake_untouched(pipeline, tmp_path, content, words):
    raw = tmp_path / "raw"
    write_jsonl(raw / "good.jsonl", record("A-1"))
    (raw / "bad.csv").write_text(content)
    with pytest.raises(LayoutError) as error:
        pipeline.job("bronze", raw=str(raw))
    assert all(word in str(error.value) for word in ["bad.csv", *words])
    assert not (pipeline.path / "bronze").exists()
    assert Manifests(pipeline.folder).numbers() == []


def test_no_file_is_an_error(pipeline, tmp_path):
    (tmp_path / "nothing").mkdir()
    for name in ("nowhere", "nothing"):
        with pytest.raises(RawPathError, match=f"{name} does not exist or is empty"):
            pipeline.job("bronze", raw=str(tmp_path / name))
    with pytest.raises(RawPathError, match="needs --raw"):
        pipeline.job("bronze")
