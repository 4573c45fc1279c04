"""From a file's bytes to its content: whatever it is called, whole or not at all."""

import bz2
import gzip
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import DamagedFileError, LayoutError
from lake.raw import parquet
from lake.raw.container import PART_BYTES, beginning, content

PACK = {"plain": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}
COMPRESSED = ["gzip", "bzip2"]
# Not the first bytes of a packed file or of a file of another kind.
plain_text = st.binary(max_size=200).map(lambda data: b"a," + data)


def _content(data):
    return b"".join(content(io.BytesIO(data)))


@pytest.mark.parametrize("pack", PACK)
@given(plain_text)
def test_content_is_unpacked(pack, data):
    assert _content(PACK[pack](data)) == data


@pytest.mark.parametrize("pack", COMPRESSED)
@given(st.lists(st.tuples(st.binary(max_size=50), st.integers(0, 3)), min_size=1, max_size=5))
def test_members_follow_each_other(pack, members):
    """Empty members and padding with zeros are part of the format."""
    packed = b"".join(PACK[pack](data) + b"\0" * padding for data, padding in members)
    assert _content(packed) == b"".join(data for data, _ in members)


@pytest.mark.parametrize("pack", COMPRESSED)
def test_parts_are_small(pack):
    """A member that unpacks to a thousand times its size is not unpacked at once."""
    packed = PACK[pack](bytes(40 * PART_BYTES))
    assert len(packed) < PART_BYTES / 20
    sizes = [len(part) for part in content(io.BytesIO(packed))]
    assert sum(sizes) == 40 * PART_BYTES
    assert max(sizes) <= PART_BYTES


@pytest.mark.parametrize("pack", COMPRESSED)
@given(st.binary(min_size=1, max_size=300), st.data())
def test_cut_file_is_damaged(pack, data, draw):
    packed = PACK[pack](data)
    cut = packed[: draw.draw(st.integers(4, len(packed) - 1))]
    found = []
    with pytest.raises(DamagedFileError, match="too early"):
        found.extend(content(io.BytesIO(cut)))
    assert data.startswith(b"".join(found))


@pytest.mark.parametrize("pack", COMPRESSED)
def test_wrong_checksum_is_damage(pack):
    packed = bytearray(PACK[pack](b"content " * 100))
    packed[-6] ^= 0xFF
    with pytest.raises(DamagedFileError, match="cannot be read"):
        _content(bytes(packed))


@pytest.mark.parametrize("pack", COMPRESSED)
def test_text_behind_a_member_is_damage(pack):
    with pytest.raises(DamagedFileError, match="cannot be read"):
        _content(PACK[pack](b"content") + b"more")


@pytest.mark.parametrize(
    ("magic", "words"), [(b"PK\x03\x04", "Excel"), (b"Obj\x01", "Avro"), (b"%PDF-1.7", "PDF"), (b"\xfd7zXZ\x00", "xz")]
)
def test_foreign_kinds_are_named(magic, words):
    with pytest.raises(LayoutError, match=f"{words}.*Deliver CSV, JSON or Parquet"):
        _content(magic + b"anything")


def test_unreadable_stream_is_damage():
    class Broken(io.RawIOBase):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(DamagedFileError, match="Input/output error"):
        list(content(Broken()))


@given(st.lists(st.binary(max_size=5), max_size=8), st.integers(0, 20))
def test_beginning_is_as_long_as_wanted(parts, size):
    left = iter(parts)
    taken = beginning(left, size)
    assert taken + b"".join(left) == b"".join(parts)
    assert len(taken) >= min(size, len(b"".join(parts)))


@given(st.binary(max_size=300))
def test_any_bytes_are_content_or_a_fault(data):
    for prefix in (b"", b"\x1f\x8b", b"BZh9", b"\x1f\x8b\x08\0\0\0\0\0\0\xff"):
        try:
            _content(prefix + data)
        except LayoutError as error:
            assert str(error).endswith(".")


def _parquet(columns, **options):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **options)
    return file.getvalue()


def test_parquet_is_read_as_lines_of_json():
    columns = {
        "customer_id": ["A-1", "Ä-2", None],
        "charges": [Decimal("1.10"), None, Decimal("3.00")],
        "at": [datetime(2026, 1, 5, 10, 15, tzinfo=UTC), None, None],
        "churn": [True, False, None],
        "raw": [b"bytes", b"\xff", None],
    }
    lines = [json.loads(line) for line in _content(_parquet(columns, row_group_size=2)).splitlines()]
    assert lines == [
        {"customer_id": "A-1", "charges": "1.10", "at": "2026-01-05 10:15:00+00:00", "churn": True, "raw": "bytes"},
        {"customer_id": "Ä-2", "charges": None, "at": None, "churn": False, "raw": "\ufffd"},
        {"customer_id": None, "charges": "3.00", "at": None, "churn": None, "raw": None},
    ]


@pytest.mark.parametrize("cut", [5, 100, -1])
def test_cut_parquet_is_damage(cut):
    with pytest.raises(DamagedFileError, match="broken or cut off"):
        _content(_parquet({"customer_id": [str(n) for n in range(100)]})[:cut])


def test_row_group_beyond_memory_is_refused(monkeypatch):
    monkeypatch.setattr(parquet, "_ROW_GROUP_BYTES", 100)
    with pytest.raises(LayoutError, match="Write smaller ones"):
        _content(_parquet({"customer_id": ["A-1"] * 1000}, use_dictionary=False))
