"""Records of JSON lines and arrays: values as received, and faults that cost one record, or the file."""

import base64
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import ContractError, DamagedFileError
from lake.raw.json_records import json_array_records, json_line_records
from lake.raw.records import Fault, Limits
from tests.support.raw import faults, good, read

A1 = '{"customer_id": "A-1", "gender": "Female"}'
PLAIN = [{"customer_id": "A-1", "gender": "Female"}]
NO_OBJECT = "not a JSON object"

READABLE = {
    "object": (A1, PLAIN),
    "spaces around": (f"\n  {A1}  \r\n\n", PLAIN),
    "byte-order mark": (f"\ufeff{A1}", PLAIN),
    "byte-order mark of every part": (f"\ufeff{A1}\n\ufeff{A1}", PLAIN * 2),
    "two objects on a line": (f"{A1}{A1}\n{A1} \t{A1}", PLAIN * 4),
    "carriage returns": (f"{A1}\r{A1}\r\n", PLAIN * 2),
    "line separator of Unicode": ('{"a": "x\u2028y\u2029z\x85"}', [{"a": "x\u2028y\u2029z\x85"}]),
    "numbers as received": ('{"a": 1.0, "b": 1e3, "c": -0, "d": 0.10}', [{"a": "1.0", "b": "1e3", "c": "-0", "d": "0.10"}]),
    "number of any length": (f'{{"a": {"9" * 5000}}}', [{"a": "9" * 5000}]),
    "words": ('{"a": true, "b": false, "c": null, "d": NaN}', [{"a": "true", "b": "false", "c": None, "d": "NaN"}]),
    "nested": ('{"a": {"b": [1.0, "x\\"é", null, true, {}]}}', [{"a": '{"b":[1.0,"x\\"é",null,true,{}]}'}]),
    "escaped": (r'{"a": "a\"b\u00e9\n\ud83d\uddfc"}', [{"a": 'a"bé\n🗼'}]),
    "last of equal keys": ('{"a": "No", "a": "Yes"}', [{"a": "Yes"}]),
    "empty object": ("{}\n", [{}]),
    "array": (f"[{A1},\n {A1}]", PLAIN * 2),
    "array with byte-order mark": (f"\ufeff[{A1}]\n", PLAIN),
    "array over lines": (json.dumps(PLAIN * 2, indent=2), PLAIN * 2),
    "arrays one behind the other": (f"[{A1}]\n[ ][{A1}]", PLAIN * 2),
    "empty array": ("[]", []),
}  # fmt: skip


@pytest.mark.parametrize("case", READABLE)
@pytest.mark.parametrize("part", [None, 1, 5])
def test_json_is_read(case, part):
    text, expected = READABLE[case]
    assert read(text, part=part) == expected


UNREADABLE = {
    "cut": ('{"a": "cut', NO_OBJECT),
    "cut between keys": ('{"a": "A-1", ', NO_OBJECT),
    "array on a line": ("[1, 2]", NO_OBJECT),
    "number": ("42", NO_OBJECT),
    "words": ("not json", NO_OBJECT),
    "text behind": ('{"a": "A-1"} x', NO_OBJECT),
    "text behind that ends as an object": ('{"a": "A-1"} garbage }', NO_OBJECT),
    "comma behind": ('{"a": "A-1"},', NO_OBJECT),
    "half of a pair": (r'{"a": "\ud800"}', "half of a surrogate pair"),
    "half of a pair in a key": (r'{"\udc00": "x"}', "half of a surrogate pair"),
    "deep": ('{"a": ' + "[" * 65 + "]" * 65 + "}", "nested deeper than 64 levels"),
    "too deep to decode": ('{"a": ' * 5000 + "1" + "}" * 5000, "nested deeper than 64 levels"),
    "too deep and cut": ('{"a": ' * 5000, "nested deeper than 64 levels"),
}


@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.parametrize("part", [None, 1000])
def test_faulty_line_is_kept(case, part):
    line, reason = UNREADABLE[case]
    found = read(f"{A1}\n{line}\n{A1}\n", part=part)
    assert faults(found) == [(reason, line)]
    assert good(found) == PLAIN * 2


def test_objects_before_a_fault_on_their_line_are_read():
    found = read(f'{A1}{{"a": 1}} x\n{A1}')
    assert good(found) == PLAIN * 2
    assert faults(found) == [(NO_OBJECT, '{"a": 1} x')]


@pytest.mark.parametrize(
    "element", ["7", '"x"', "null", "[1]", "true", UNREADABLE["deep"][0], UNREADABLE["too deep to decode"][0]]
)
def test_element_that_is_no_record_is_kept(element):
    found = read(f"[{A1}, {element}, {A1}]")
    assert [received for _, received in faults(found)] == [element]
    assert good(found) == PLAIN * 2


@pytest.mark.parametrize("form", ["{}\n", "[{}]"])
def test_invalid_bytes_are_recoverable(form):
    line = '{"city": "Montréal"}'.encode("latin-1")
    before, after = form.split("{}")
    ((reason, received),) = faults(read(before.encode() + line + after.encode()))
    assert reason == "invalid UTF-8"
    assert base64.b64decode(json.loads(received)["base64"]) == line


@pytest.mark.parametrize(
    "end", [",", ",]", f" {A1}]", f",, {A1}]", "", f", {{tru}}, {A1}]", f", x, {A1}]", "] x", "]]", "}]", ', {"a']
)
def test_broken_array_is_damage(end):
    with pytest.raises(DamagedFileError, match=r"broken or cut off behind record \d"):
        read(f"[{A1}{end}")


@given(
    st.data(), st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=5) | st.lists(st.integers())), max_size=4)
)
def test_array_cut_anywhere_is_damage(draw, records):
    text = json.dumps(records)
    cut = text[: draw.draw(st.integers(1, len(text) - 1))]
    with pytest.raises(DamagedFileError):
        read(cut)


LONG = '{"a": "' + "x]},{[ " * 60 + '"}'


@pytest.mark.parametrize("part", [1, 7, 1000])
@pytest.mark.parametrize("text", [f"{A1}\n{LONG}\n{A1}", f"{A1}{LONG}{A1}", f"[{A1},{LONG},{A1}]"])
def test_too_long_record_keeps_its_beginning(text, part):
    found = read(text, part=part, limits=Limits(length=100))
    assert faults(found) == [("longer than 100 bytes", LONG[:100])]
    assert good(found) == PLAIN * 2


def test_too_long_line_ends_with_its_line():
    """What never closes takes in its line, not the file."""
    found = read(f'{{"a": "{"x" * 500}\n{A1}\n', limits=Limits(length=100))
    assert [reason for reason, _ in faults(found)] == ["longer than 100 bytes"]
    assert good(found) == PLAIN


def test_too_long_record_that_never_ends_is_damage():
    with pytest.raises(DamagedFileError):
        read(f"[{A1},{LONG[:-2]}", limits=Limits(length=100))


@pytest.mark.parametrize("form", ["{}", "[{}]", "{}\n"])
def test_memory_does_not_grow_with_a_record(form):
    """A record of 100 MB, in parts that are made as they are taken."""
    before, after = form.split("{}")

    def parts():
        yield f'{before}{{"a": "'.encode()
        for _ in range(400):
            yield b"x" * 256 * 1024
        yield f'"}}{after}'.encode()

    tracemalloc.start()
    (found,) = (json_array_records if before else json_line_records)(parts(), Limits(length=1024 * 1024))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.reason == "longer than 1,048,576 bytes"
    assert peak < 12 * 1024 * 1024


@pytest.mark.parametrize(("length", "depth"), [(0, 1), (1, 0), (-1, -1)])
def test_limits_are_positive(length, depth):
    with pytest.raises(ContractError, match="positive"):
        Limits(length, depth)


numbers = st.integers() | st.floats()
nested = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
records = st.lists(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), nested, max_size=5), max_size=5
)


def _same(found, sent):
    """Text stays text; any other value is its own JSON, which may be spelled in another way."""
    if isinstance(sent, str) or sent is None:
        return found == sent
    return repr(json.loads(found)) == repr(sent)


@given(records, st.booleans(), st.sampled_from(["lines", "array", "indented", "no line ends"]), st.integers(1, 50))
def test_what_is_written_is_read_back(sent, is_ascii, form, part):
    texts = [json.dumps(record, ensure_ascii=is_ascii) for record in sent]
    whole = json.dumps(sent, ensure_ascii=is_ascii, indent=1 if form == "indented" else None)
    text = {"lines": "\n".join(texts), "no line ends": "".join(texts)}.get(form, whole)
    found = read(text, part=part) if text else []
    assert len(found) == len(sent)
    assert all(list(f) == list(s) and all(_same(f[key], s[key]) for key in s) for f, s in zip(found, sent, strict=True))


pieces = st.sampled_from(
    [
        A1,
        "{}",
        "[",
        "]",
        ",",
        "\n",
        " ",
        "\r\n",
        "{",
        "}",
        '"',
        "\\",
        "1",
        "x",
        "tru",
        '{"a": {"b": [1]}}',
        LONG,
        '{"a": "\\ud800"}',
    ]
)


@given(st.sampled_from(["{", "["]), st.lists(pieces, max_size=10), st.integers(1, 60), st.integers(4, 120))
def test_parts_change_nothing(start, rest, part, length):
    def outcome(part):
        try:
            return read(start + "".join(rest), part=part, limits=Limits(length, 3))
        except DamagedFileError as error:
            return str(error)

    assert outcome(part) == outcome(None)


@given(st.lists(pieces.filter(lambda piece: "\n" not in piece and "\r" not in piece), max_size=6).map("".join))
def test_faulty_line_changes_no_other(line):
    found = read(f"{A1}\n{line}\n{A1}\n")
    assert found[0] == found[-1] == PLAIN[0]
    assert len(good(found)) + len(faults(found)) == len(found)


@given(st.binary(max_size=100))
def test_every_byte_of_a_faulty_line_is_kept(data):
    line = b"x" + data.replace(b"\n", b"").replace(b"\r", b"").rstrip()
    (found,) = read(b"{}\n" + line + b"\n")[1:]
    assert isinstance(found, Fault)
    received = (
        found.received if found.reason != "invalid UTF-8" else base64.b64decode(json.loads(found.received)["base64"])
    )
    assert (received.encode() if isinstance(received, str) else received) == line
