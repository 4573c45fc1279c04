"""Ids of customers in keys and in texts, and the list that they are read from."""

import pytest

from contract.errors import LakeError
from lake.erasure.ids import CustomerIds, canonical_id, read_ids

GONE = CustomerIds.of([" GONE-0001 ", "", "7", "Zoë-00001"])


@pytest.mark.parametrize(
    "received", ["GONE-0001", " GONE-0001\u00a0", "GONE\u200b-0001", "\ufeffGONE-0001\r", "7.0", "7", "Zoe\u0308-00001"]
)
def test_key_of_equal_looks(received):
    assert GONE.has(received)


@pytest.mark.parametrize("received", [None, "", "gone-0001", "GONE-00011", "7.5", "77", "XGONE-0001"])
def test_key_of_another(received):
    assert not GONE.has(received)


@pytest.mark.parametrize("text", ["GONE-0001", 'a "GONE-0001", b', "x=GONE-0001;", "id:Zoë-00001.csv"])
def test_text_names_one(text):
    assert GONE.are_in(text)
    assert not GONE.are_in(GONE.masked(text))


@pytest.mark.parametrize("text", [None, "", "GONE-0001-B", "GONE-00012", "AGONE-0001", "7", "row 7 of 7"])
def test_text_names_nobody(text):
    assert not GONE.are_in(text)
    assert GONE.masked(text or "") == (text or "")


def test_short_id_is_for_keys_only():
    assert (len(GONE), GONE.only_in_keys) == (3, 1)
    assert not CustomerIds.of(["7"]).are_in("7")


def test_json_loses_ids_in_strings_only():
    ids = CustomerIds.of(["1234567", "Zoë-00001"])
    text = '{"a": 1234567, "b": [1234567.0, "x 1234567"], "c \\" Zo\\u00eb-00001": "Z\\u00eb"}'
    assert ids.masked_json(text) == '{"a": 1234567, "b": [1234567.0, "x erased"], "c \\" erased": "Z\\u00eb"}'


def test_many_ids_are_found_at_once():
    many = CustomerIds.of([*(f"GONE-{number:06}" for number in range(100_000)), "Zoë 000001"])
    assert many.masked("GONE-099999, GONE-100000, Zoë 000001") == "erased, GONE-100000, erased"


def test_whole_number_is_one_id():
    assert canonical_id("1234.0") == canonical_id("1234") != canonical_id("1234.5")


def test_list_of_ids(tmp_path):
    (tmp_path / "ids.txt").write_text("\ufeffA-1\r\n\r\n B-2 \n", encoding="utf-8")
    assert read_ids(str(tmp_path / "ids.txt")) == ["A-1", "B-2"]


@pytest.mark.parametrize("line", ["customer_id", "Customer ID", "B-2,x", "B-2;x", '"B-2"', "B-2\tx"])
@pytest.mark.parametrize("number", [1, 3])
def test_line_that_is_no_id(tmp_path, line, number):
    lines = ["A-1", "", "C-3"]
    lines[number - 1] = line
    (tmp_path / "ids.txt").write_text("\n".join(lines))
    with pytest.raises(LakeError, match=rf"line {number} of .*ids\.txt") as raised:
        read_ids(str(tmp_path / "ids.txt"))
    assert line not in str(raised.value)


@pytest.mark.parametrize("content", [None, b"", b"\n \n", b"\xff\xfeA"])
def test_list_that_cannot_be_read(tmp_path, content):
    if content is not None:
        (tmp_path / "ids.txt").write_bytes(content)
    with pytest.raises(LakeError, match=r"ids\.txt"):
        read_ids(str(tmp_path / "ids.txt"))
