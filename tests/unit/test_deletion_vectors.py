"""Deletion vectors as Delta writes them, read, written, and after rows have left their file."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import LakeError
from lake.erasure.deletion_vectors import decode, encode, vector_content, vector_file, vectors, without_rows

# What Delta 3.3 wrote for the rows 0, 1, 2 and 20 of a file.
OF_DELTA = bytes.fromhex(
    "0100000028d1d339640100000000000000000000003a3000000100000000000300100000000000010002001400f593479d"
)
POSITIONS = st.lists(st.integers(0, 1 << 34) | st.integers(0, 70_000), unique=True).map(sorted)


def _array(values):
    return np.array(values, dtype=np.int64)


def test_file_of_delta():
    assert {offset: decode(vector).tolist() for offset, vector in vectors(OF_DELTA).items()} == {1: [0, 1, 2, 20]}
    assert vector_content([encode(_array([0, 1, 2, 20]))]) == (OF_DELTA, [1])


def test_name_of_delta():
    descriptor = {"storageType": "u", "pathOrInlineDv": "5$0XhP/++dH($]sSNdhQ", "offset": 1}
    assert vector_file(descriptor) == "deletion_vector_129871f4-a13c-453f-8892-59a7a9d09d71.bin"
    assert vector_file(descriptor | {"pathOrInlineDv": "ab5$0XhP/++dH($]sSNdhQ"}).startswith("ab/deletion_vector_")
    with pytest.raises(LakeError, match="PURGE"):
        vector_file(descriptor | {"storageType": "i"})


@given(POSITIONS)
def test_vector_is_read_as_written(positions):
    assert decode(encode(_array(positions))).tolist() == positions


def test_dense_vector_is_read_as_written():
    positions = list(range(1, 200_000, 2)) + list(range(300_000, 365_000))
    assert decode(encode(_array(positions))).tolist() == positions


def test_runs_are_read():
    header = struct.pack("<IB", 12347, 0b1) + struct.pack("<HH", 0, 5)
    runs = struct.pack("<HHHHH", 2, 3, 1, 100, 3)
    vector = struct.pack("<IQI", 1681511377, 1, 0) + header + runs
    assert decode(vector).tolist() == [3, 4, 100, 101, 102, 103]


@given(st.lists(POSITIONS, min_size=1, max_size=3))
def test_vectors_of_a_file(several):
    content, offsets = vector_content([encode(_array(positions)) for positions in several])
    found = vectors(content)
    assert list(found) == offsets
    assert [decode(vector).tolist() for vector in found.values()] == several
    for offset, vector in found.items():
        assert int.from_bytes(content[offset + 4 + len(vector) :][:4]) == zlib.crc32(vector)


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_rows_that_count_stay_the_same(deleted, removed):
    rows = np.arange(31)
    gone = _array(sorted(removed))
    after = without_rows(_array(sorted(deleted)), gone)
    counted = np.delete(np.delete(rows, gone), after).tolist()
    assert counted == [row for row in rows if row not in deleted | removed]
