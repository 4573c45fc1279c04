"""From a file's content to UTF-8."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import DamagedFileError
from lake.raw.encoding import UTF8, as_utf8, find_encoding, is_windows_1252

MARKS = {
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
sizes = st.integers(1, 7)


def _parts(data, size):
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("encoding", MARKS)
@given(st.text(max_size=40), sizes)
def test_marked_text_becomes_utf8(encoding, text, size):
    data = MARKS[encoding] + ("c" + text).encode(encoding)
    assert find_encoding(data) == encoding
    assert b"".join(as_utf8(_parts(data, size), encoding)).decode() == "\ufeffc" + text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@given(st.text(max_size=40))
def test_utf16_needs_no_mark(encoding, text):
    assert find_encoding(("c" + text).encode(encoding)) == encoding


@given(st.binary(max_size=20).filter(lambda data: 0 not in data[:2]))
def test_anything_else_is_utf8(data):
    assert find_encoding(b"ab" + data) == UTF8
    assert b"".join(as_utf8([data], UTF8)) == data


@pytest.mark.parametrize("encoding", MARKS)
def test_text_cut_inside_a_letter_is_damaged(encoding):
    with pytest.raises(DamagedFileError, match=encoding.upper()):
        list(as_utf8([codecs.encode("ab", encoding)[:-1]], encoding))


def test_lone_surrogates_stay_invalid():
    """They are a fault of their record, not of the file."""
    data = b"".join(as_utf8(["a\ud800b".encode("utf-16-le", "surrogatepass")], "utf-16-le"))
    with pytest.raises(UnicodeDecodeError):
        data.decode()
    assert data.startswith(b"a")
    assert data.endswith(b"b")


@given(st.lists(st.text(max_size=10), max_size=5).map("\n".join), sizes)
def test_utf8_is_not_windows_1252(text, size):
    assert not is_windows_1252(_parts(text.encode(), size))
    assert not is_windows_1252(_parts(text.encode() + "é".encode() + b"\xe9,", size))


@given(st.lists(st.sampled_from(["Müller;", "Łódź;", "plain;", "50,25\n", "€;"]), max_size=8).map("".join), sizes)
def test_excel_text_is_windows_1252(text, size):
    data = text.replace("Ł", "L").replace("ź", "z").encode("cp1252")
    assert is_windows_1252(_parts(data, size)) is (not data.isascii())


def test_bytes_that_windows_1252_lacks_are_not_it():
    assert not is_windows_1252([b"M\xfcnchen", b"\x81"])
