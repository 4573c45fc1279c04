"""An erasure in a folder and on S3: what is changed, what is left to others, what the receipt says."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from contract.errors import DamagedTableError
from lake.erasure.erase import Erasure
from lake.erasure.receipt import newest_receipt, read_receipt
from lake.erasure.request import ErasureRequest
from lake.erasure.staging import Staging
from lake.erasure.upkeep import WarehouseUpkeep
from lake.rebuild import RebuildRequest
from lake.storage import LocalFolder
from tests.support.erasable_lake import AT, GONE, NAME, build, newest_files
from tests.support.records import many, record, write_jsonl
from tests.support.scanner import places_of


def _copied(source: Path, folder) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            folder.write_bytes(str(path.relative_to(source)), path.read_bytes())


def _fetched(folder, target: Path) -> Path:
    for file in folder.files():
        (target / file.name).parent.mkdir(parents=True, exist_ok=True)
        (target / file.name).write_bytes(folder.read_bytes(file.name))
    return target


@pytest.fixture
def lake(folder, tmp_path):
    build(tmp_path / "built", tmp_path / "built")
    _copied(tmp_path / "built" / "lake", folder)
    return folder


def _forget(lake, raw="", run_id="run-1"):
    return Erasure(lake, str(raw), ErasureRequest(lake).read(), newest_files(lake), run_id, AT).run()


def test_no_byte_is_left(lake, tmp_path):
    _forget(lake)
    assert places_of((GONE,), _fetched(lake, tmp_path / "after")) == []
    assert not ErasureRequest(lake).exists()
    assert RebuildRequest(lake).read() is not None
    assert WarehouseUpkeep(lake).is_due()


def test_every_version_is_readable(lake, tmp_path):
    _forget(lake)
    after = _fetched(lake, tmp_path / "after")
    for name in ("bronze/customers", "silver/customers"):
        found = [DeltaTable(after / name, version=v).to_pyarrow_table()["customer_id"].to_pylist() for v in (0, 1)]
        assert [sorted(ids) for ids in found] == [["G0000"], ["G0000", "G0001", "G0002"]]


def test_log_describes_what_is_there(lake, tmp_path):
    _forget(lake)
    after = _fetched(lake, tmp_path / "after")
    for table in map(DeltaTable, (after / "bronze/customers", after / "silver/customers")):
        for add in table.get_add_actions(flatten=True).to_struct_array().to_pylist():
            assert (Path(table.table_uri.removeprefix("file://")) / add["path"]).stat().st_size == add["size_bytes"]
        least = min(
            table.get_add_actions(flatten=True).to_struct_array().to_pylist(), key=lambda add: add["min.customer_id"]
        )
        assert (least["num_records"], least["max.customer_id"], least["null_count.customer_id"]) == (1, "G0000", 0)


@pytest.mark.parametrize("parsed", [False, True])
def test_log_forgets_files_that_are_gone(lake, tmp_path, parsed):
    """VACUUM has deleted them, and their statistics are still in the log and its checkpoint."""
    for name in newest_files(lake)["silver.customers"]:
        lake.delete(f"silver/customers/{name}")
    if parsed:
        _add_parsed_statistics(lake, "silver/customers/_delta_log/00000000000000000001.checkpoint.parquet")
    log = "silver/customers/_delta_log"
    commit = lake.read_bytes(f"{log}/00000000000000000000.json")
    lake.write_bytes(f"{log}/.00000000000000000002.json.5e0e7a52-0001-4b1c-8d7e-2f0a5cf0ad00.tmp", commit)
    _forget(lake)
    assert places_of((GONE,), _fetched(lake, tmp_path / "after")) == []
    assert not [name for name in (lake / log).names() if name.endswith(".tmp")]
    commit = lake.read_bytes(f"{log}/00000000000000000000.json").decode()
    (add,) = (json.loads(line)["add"] for line in commit.splitlines() if "add" in json.loads(line))
    assert json.loads(add["stats"])["minValues"] == {"customer_id": "G0000"}
    assert json.loads(add["stats"])["maxValues"] == {}


def _add_parsed_statistics(lake, name):
    """As a checkpoint has them whose table asks for it: beside the text."""
    table = pq.read_table(io.BytesIO(lake.read_bytes(name)))
    adds = [
        add and {**add, "stats_parsed": {"maxValues": json.loads(add["stats"])["maxValues"]}}
        for add in table["add"].to_pylist()
    ]
    kind = table.schema.field("add").type
    bounds = pa.struct([("maxValues", pa.struct([("customer_id", pa.string())]))])
    written = io.BytesIO()
    wider = pa.struct([*(field for field in kind if field.name != "stats_parsed"), ("stats_parsed", bounds)])
    pq.write_table(table.set_column(table.schema.get_field_index("add"), "add", pa.array(adds, wider)), written)
    lake.write_bytes(name, written.getvalue())


def test_receipt_counts_who_was_found(lake):
    ErasureRequest(lake).add(["NOBODY-0001", "NOBODY-0002"])
    receipt = _forget(lake)
    assert (receipt.customers, receipt.found) == (3, 1)
    assert "3 customers, 1 of them found in tables" in newest_receipt(lake)
    assert "not reached: Prefect: its artifact customers-at-risk" in newest_receipt(lake)


def test_receipt_counts_and_names_nobody(lake):
    receipt = _forget(lake)
    assert (receipt.customers, {t.table: (t.files, t.rows) for t in receipt.tables}) == (
        1,
        {"bronze.customers": (1, 1), "silver.customers": (1, 1)},
    )
    assert receipt.raw_left == (NAME,), "without a raw folder, the files are those that bronze names"
    assert "\n".join(receipt.lines()) + "\n" == newest_receipt(lake)
    assert json.loads(lake.read_bytes("_reports/erasure-run-1.json"))["customers"] == 1


def test_raw_files_are_rewritten_in_a_folder(lake, tmp_path):
    raw = tmp_path / "built" / "raw"
    receipt = _forget(lake, raw)
    assert (receipt.raw_rewritten, receipt.raw_left) == (1, ())
    assert places_of((GONE,), raw) == []


def _sealed(lake, raw):
    """An erasure that was ended when its plan was complete."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Staging, "finish", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            _forget(lake, raw)


@pytest.mark.parametrize("rows", [(record(GONE),), (record("G0000"), record(GONE))], ids=["deleted", "rewritten"])
def test_new_delivery_outlives_a_plan(lake, tmp_path, rows):
    raw = tmp_path / "built" / "raw"
    write_jsonl(raw / NAME, *rows)
    _sealed(lake, raw)
    delivered = write_jsonl(raw / NAME, *rows, record("NEW-0001")).read_bytes()
    assert Staging(lake).finish()
    assert (raw / NAME).read_bytes() == delivered
    assert read_receipt(lake, "run-1").raw_changed == (NAME,)
    assert f"forget them again: {NAME}" in newest_receipt(lake)
    assert not ErasureRequest(lake).exists()


def test_removed_raw_file_stays_away(lake, tmp_path):
    raw = tmp_path / "built" / "raw"
    _sealed(lake, raw)
    (raw / NAME).unlink()
    assert Staging(lake).finish()
    assert not (raw / NAME).exists()
    assert read_receipt(lake, "run-1").raw_changed == ()


def test_file_that_is_being_written_is_left(lake, tmp_path, monkeypatch):
    raw = tmp_path / "built" / "raw"
    before = (raw / NAME).read_bytes()
    monkeypatch.setattr(LocalFolder, "still_being_written", lambda _, files: {file.name for file in files})
    receipt = _forget(lake, raw)
    assert ((raw / NAME).read_bytes(), receipt.raw_changed, receipt.raw_rewritten) == (before, (NAME,), 0)


@pytest.mark.parametrize(("rows", "left"), [((GONE, "G0000"), True), ((GONE,), False)], ids=["rewritten", "deleted"])
def test_link_is_followed(lake, tmp_path, rows, left):
    raw, target = tmp_path / "built" / "raw", tmp_path / "elsewhere" / "a.jsonl"
    write_jsonl(target, *map(record, rows))
    (raw / NAME).unlink()
    (raw / NAME).symlink_to(target)
    _forget(lake, raw)
    assert ((raw / NAME).is_symlink(), target.exists()) == (left, left)
    if left:
        assert places_of((GONE,), tmp_path / "elsewhere", raw) == []


def test_checksum_beside_a_raw_file_goes(lake, tmp_path):
    """Also of one that is in no folder."""
    raw = tmp_path / "top"
    write_jsonl(raw / "a.jsonl", *many(2), record(GONE))
    (raw / ".a.jsonl.crc").write_bytes(b"crc")
    _forget(lake, raw)
    assert sorted(path.name for path in raw.iterdir()) == ["a.jsonl"]


def test_nobody_is_erased_twice(lake):
    _forget(lake)
    RebuildRequest(lake).close()
    ErasureRequest(lake).add([GONE])
    receipt = _forget(lake, run_id="run-2")
    assert (receipt.tables, receipt.documents, receipt.raw_left) == ((), (), ())
    assert RebuildRequest(lake).read() is None, "there is nothing to rebuild"
    assert newest_receipt(lake).startswith("Erasure run-2")


def test_numbers_of_a_document_stay(lake):
    ErasureRequest(lake).add(["1234567"])
    lake.write_text("_runs/run-0/more.json", '{"rows": 1234567, "note": "1234567"}')
    lake.write_text("_lineage/run-0.ndjson", '{"rows": 1234567}\n{"note": "1234567"}\n')
    lake.write_text("ids.txt", "1234567\n")
    _forget(lake)
    assert lake.read_json("_runs/run-0/more.json") == {"rows": 1234567, "note": "erased"}
    assert lake.read_bytes("_lineage/run-0.ndjson") == b'{"rows": 1234567}\n{"note": "erased"}\n'
    assert lake.read_bytes("ids.txt") == b"erased\n"


@pytest.mark.parametrize("content", [b"a GONE-0001 \xff", b"a GONE-0001 \0"])
def test_what_is_no_text_is_named(lake, content):
    lake.write_bytes("_reports/review.pdf", content)
    receipt = _forget(lake)
    assert (lake.read_bytes("_reports/review.pdf"), receipt.documents_not_searched) == (
        content,
        ("_reports/review.pdf",),
    )
    assert "no text, not looked into: _reports/review.pdf" in newest_receipt(lake)


def test_damaged_logs_stay_where_they_name_nobody(lake):
    contents = {
        "0.json": f'{{"add": {{"stats": "{GONE}',
        "1.json": "{",
        "2.parquet": b"PAR1\xff",
        "3.parquet": b"\xff" + GONE.encode(),
    }
    for name, content in contents.items():
        lake.write_bytes(f"_damaged/run-0/{name}", content if isinstance(content, bytes) else content.encode())
    receipt = _forget(lake)
    assert (lake / "_damaged/run-0").names() == ["1.json", "2.parquet"]
    assert receipt.documents_not_searched == ("_damaged/run-0/2.parquet",)


def test_half_a_file_is_removed_and_a_damaged_one_named(lake):
    place = "silver/customers/part-00000-killed.snappy.parquet"
    lake.write_bytes(place, b"PAR1 GONE-0001")
    _forget(lake)
    assert not lake.exists(place)
    name = sorted(newest_files(lake)["silver.customers"])[0]
    lake.write_bytes(f"silver/customers/{name}", b"PAR1")
    ErasureRequest(lake).add(["OTHER-0002"])
    with pytest.raises(DamagedTableError, match="churn repair"):
        _forget(lake)


def test_later_request_outlives_an_open_plan(lake):
    request, staging = ErasureRequest(lake), Staging(lake)
    staging.seal("run-1", request.read().number, [])
    request.add(["LATER-0001"])
    assert staging.finish()
    assert request.read().ids.ids == {GONE, "LATER-0001"}
    assert not staging.finish()
