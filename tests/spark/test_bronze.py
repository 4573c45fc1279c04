import gzip

import pytest

from tests.roads import Road
from tests.samples import GOOD, many, record, write_jsonl
from transforms.errors import LayoutError, RawPathError
from transforms.runtime.manifests import Manifests


def _csv(records, delimiter=",", end="\n"):
    lines = [delimiter.join(records[0])]
    lines += [delimiter.join(f'"{v}"' if delimiter in v else v for v in r.values()) for r in records]
    return end.join(lines) + end


def test_every_spelling_of_a_file_gives_the_same_rows(spark, tmp_path):
    people = [record("A-1", city="La Cañada, North"), record("A-2", city="Fresno")]
    raw = tmp_path / "raw with space"
    nested = raw / "2026" / "march [x] a+b"
    nested.mkdir(parents=True)
    import json

    variants = {
        "comma.csv": ("\ufeff" + _csv(people)).encode(),
        "crlf.csv": _csv(people, end="\r\n").encode(),
        "semicolon.csv": _csv(people, ";").encode(),
        "tab.tsv": _csv(people, "\t").encode(),
        "zipped.csv.gz": gzip.compress(_csv(people).encode()),
        "array.json": json.dumps(people, indent=1).encode(),
        "lines.jsonl": "\n".join(json.dumps(p) for p in people).encode(),
        "camel.csv": _csv(people).replace("customer_id", "Customer ID").replace("tenure_months", "Tenure").encode(),
    }
    for name, content in variants.items():
        (nested / name).write_bytes(content)
    road = Road(tmp_path / "lake")
    road.job("bronze", raw=str(raw))
    found = road.records("bronze.customers")
    assert {row["_source_file"].split("/")[-1] for row in found} == set(variants)
    columns = list(GOOD)
    by_file = {}
    for row in found:
        assert row["_parse_error"] is None
        by_file.setdefault(row["_source_file"], []).append(tuple(row[c] for c in columns))
    expected = sorted(tuple(p[c] for c in columns) for p in people)
    assert all(sorted(rows) == expected for rows in by_file.values())


def test_a_file_is_ingested_once_per_content(road, tmp_path):
    raw = tmp_path / "raw"
    file = write_jsonl(raw / "day.jsonl", record("A-1"))
    assert road.job("bronze", raw=str(raw))["bronze.customers"].rows_written == 1
    assert road.job("bronze", raw=str(raw))["bronze"].outcome == "unchanged"
    file.touch()
    assert road.job("bronze", raw=str(raw))["bronze"].outcome == "unchanged"
    write_jsonl(file, record("A-1"), record("A-2"))
    assert road.job("bronze", raw=str(raw))["bronze.customers"].rows_written == 2
    write_jsonl(file, record("A-1"))
    assert road.job("bronze", raw=str(raw))["bronze.customers"].rows_written == 1
    batches = sorted(row["_batch_id"] for row in road.records("bronze.customers"))
    assert batches == [1, 2, 2, 3]


def test_empty_files_wait_and_unknown_kinds_are_named(road, tmp_path):
    raw = tmp_path / "raw"
    write_jsonl(raw / "a.jsonl", record("A-1"))
    (raw / "empty.csv").touch()
    (raw / "notes.docx").write_text("x")
    (raw / "_hidden.csv").write_text("x")
    notes = road.job("bronze", raw=str(raw))["bronze.customers"].notes
    assert any("empty.csv" in note for note in notes)
    assert any("notes.docx" in note for note in notes)
    assert not any("_hidden" in note for note in notes)


def test_unknown_columns_and_broken_lines_are_kept(road, tmp_path):
    raw = tmp_path / "raw"
    file = write_jsonl(raw / "a.jsonl", *many(30), record("A-1", shoe_size=44))
    with file.open("a") as out:
        out.write('{"customer_id": "cut\n')
    road.job("bronze", raw=str(raw))
    found = road.records("bronze.customers")
    assert len(found) == 32
    assert [r["_rescued_data"] for r in found if r["customer_id"] == "A-1"] == ['{"shoe_size":"44"}']
    broken = next(r for r in found if r["_parse_error"])
    assert broken["_rescued_data"] == '{"customer_id": "cut'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n1,2\n", ["unknown layout", "Found: a, b", "lacks"]),
        ("customer_id,gender,partner,dependents\nx,Male,No,No\n", ["demographics", "senior_citizen"]),
        ("customer_id,gender,sex,senior,partner,dependents\n", ["both mean gender"]),
    ],
)
def test_an_unknown_layout_leaves_the_lake_untouched(road, tmp_path, content, words):
    raw = tmp_path / "raw"
    write_jsonl(raw / "good.jsonl", record("A-1"))
    (raw / "bad.csv").write_text(content)
    with pytest.raises(LayoutError) as error:
        road.job("bronze", raw=str(raw))
    assert all(word in str(error.value) for word in ["bad.csv", *words])
    assert not (road.path / "bronze").exists()
    assert Manifests(road.folder).numbers() == []


def test_no_file_is_an_error(road, tmp_path):
    with pytest.raises(RawPathError, match="does not exist"):
        road.job("bronze", raw=str(tmp_path / "nowhere"))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(RawPathError, match="holds no file"):
        road.job("bronze", raw=str(tmp_path / "nothing"))
