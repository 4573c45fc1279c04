"""Raw files of every format without a customer's records: the others are read from them as before, or the file is left."""

import bz2
import csv
import gzip
import io
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake.erasure.ids import CustomerIds
from lake.erasure.raw_files import erase_from_raw_files
from lake.raw_folder import list_raw
from lake.register import FileEntry, Register
from lake.storage import open_folder
from tests.support.records import record

ROWS = [record("A0001"), record("GONE-0001", city="Fresno"), record("A0002", city="Zoë"), record("A0003")]
STAY = [row for row in ROWS if row["customer_id"] != "GONE-0001"]
BROKEN = '{"customer_id": "GONE-0001", "gender": \n'


def lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def table(rows, delimiter=","):
    written = io.StringIO()
    writer = csv.DictWriter(written, list(ROWS[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def parquet(rows):
    written = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), written)
    return written.getvalue()


def erased(tmp_path, content, name="a", *ids, feed="customers"):
    file = tmp_path / "raw" / "customers" / "2026-01-01" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    os.utime(file, (0, 0))  # it is complete
    folder, staged = list_raw(str(tmp_path / "raw")), open_folder(tmp_path / "staged")
    known = FileEntry(folder.files[0].name, feed, uri=folder.root.uri(folder.files[0].name))
    done = erase_from_raw_files(folder, Register([known] if feed else []), CustomerIds.of(ids or ["GONE-0001"]), staged)
    assert [file.name for file in staged.files()] == list(done.rewritten)
    return done, next(iter(done.rewritten.values()), None)


EXACT = {
    "lines": (lines(ROWS).encode(), lines(STAY).encode()),
    "lines with a broken one": ((lines(ROWS) + BROKEN).encode(), lines(STAY).encode()),
    "lines of Windows": (lines(ROWS).replace("\n", "\r\n").encode(), lines(STAY).replace("\n", "\r\n").encode()),
    "comma": (table(ROWS).encode(), table(STAY).encode()),
    "semicolon, Windows-1252": (table(ROWS, ";").encode("cp1252"), table(STAY, ";").encode("cp1252")),
    "UTF-16": (("\ufeff" + table(ROWS)).encode("utf-16-le"), ("\ufeff" + table(STAY)).encode("utf-16-le")),
}


@pytest.mark.parametrize(("content", "after"), EXACT.values(), ids=EXACT)
def test_others_stay_byte_by_byte(tmp_path, content, after):
    assert erased(tmp_path, content)[1] == after


@pytest.mark.parametrize(("pack", "unpack"), [(gzip.compress, gzip.decompress), (bz2.compress, bz2.decompress)])
def test_packed_file_stays_packed(tmp_path, pack, unpack):
    assert unpack(erased(tmp_path, pack(lines(ROWS).encode()))[1]) == lines(STAY).encode()


@pytest.mark.parametrize("indent", [None, 2])
def test_array_keeps_others(tmp_path, indent):
    assert json.loads(erased(tmp_path, json.dumps(ROWS, indent=indent).encode())[1]) == STAY


def test_parquet_keeps_others(tmp_path):
    named = [{"Customer ID": row["customer_id"]} | {k: v for k, v in row.items() if k != "customer_id"} for row in ROWS]
    after = pq.read_table(io.BytesIO(erased(tmp_path, parquet(named))[1])).to_pylist()
    assert after == [row for row in named if row["Customer ID"] != "GONE-0001"]


def test_short_id_is_found_by_its_column(tmp_path):
    rows = [record("10", tenure_months="7"), record("7", tenure_months="10"), record("11")]
    _, after = erased(tmp_path, table(rows).encode(), "a", "7")
    assert after == table([rows[0], rows[2]]).encode()


@pytest.mark.parametrize("feed", ["customers", ""])
def test_unknown_file_is_looked_into(tmp_path, feed):
    assert erased(tmp_path, lines(ROWS).encode(), feed=feed)[1] == lines(STAY).encode()


def test_file_of_him_alone_is_deleted(tmp_path):
    done, _ = erased(tmp_path, lines([ROWS[1]]).encode())
    assert (len(done.deleted), done.left, done.rewritten) == (1, [], {})


def test_file_of_others_is_left_alone(tmp_path):
    done, _ = erased(tmp_path, lines(STAY).encode())
    assert (done.deleted, done.left, done.rewritten) == ([], [], {})


NOT_PROVEN = {
    "no records": b"Hello, GONE-0001 has called\n",
    "a note about him": lines([*ROWS, record("A0004", note="friend of GONE-0001")]).encode(),
    "a value on two lines": table([record("A0001", city="GONE-0001\nFresno")]).encode(),
    "an archive": b"PK\x03\x04 GONE-0001 ",
}


@pytest.mark.parametrize("content", NOT_PROVEN.values(), ids=NOT_PROVEN)
def test_file_without_proof_is_named(tmp_path, content):
    done, _ = erased(tmp_path, content, "a", feed="")
    assert (done.left, done.rewritten, done.deleted) == (["customers/2026-01-01/a"], {}, [])
