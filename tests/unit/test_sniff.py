"""Format, delimiter, headers and feed of a file, from its first bytes."""

import bz2
import csv
import gzip
import io
import itertools
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import DamagedFileError, LayoutError
from contract.feeds import FEEDS
from lake.raw.container import read_parts
from lake.raw.layout import SAMPLE_BYTES
from lake.raw.records import DEFAULT_LIMITS
from lake.sniff import sniff
from tests.support.raw import good, read
from tests.support.records import GOOD

HEADERS = list(GOOD)
MB = 1024 * 1024


def _csv(headers, delimiter=",", rows=1):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(headers)
    for _ in range(rows):
        writer.writerow([GOOD[name] for name in headers])
    return out.getvalue()


def _sniff(content, feed=None):
    data = content if isinstance(content, bytes) else content.encode()
    return sniff(read_parts(io.BytesIO(data)), feed)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_in_every_dress(delimiter, pack, mark):
    layout = _sniff(pack((mark + _csv(HEADERS, delimiter)).encode()))
    assert (layout.feed, layout.format, layout.delimiter) == ("customers", "csv", delimiter)
    assert list(layout.headers) == HEADERS


def test_the_name_of_a_file_does_not_decide_its_format():
    assert _sniff(json.dumps(GOOD)).format == "json_lines"
    assert _sniff(_csv(HEADERS)).format == "csv"


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_objects(indent):
    layout = _sniff(json.dumps([GOOD, {**GOOD, "extra": 1}], indent=indent))
    assert layout.format == "json_array"
    assert [*HEADERS, "extra"] == list(layout.headers)


def test_lines_of_objects_with_different_keys():
    first = {k: v for k, v in GOOD.items() if k != "city"}
    layout = _sniff(f"{json.dumps(first)}\nnot json\n[1]\n{json.dumps(GOOD)}\n")
    assert layout.format == "json_lines"
    assert set(layout.headers) == set(HEADERS)


def test_a_sample_may_end_inside_a_record():
    line = json.dumps(GOOD | {"note": "x" * 1000}) + "\n"
    layout = _sniff(line * (SAMPLE_BYTES // len(line) + 5))
    assert "note" in layout.headers
    array = "[" + ",".join([line] * (SAMPLE_BYTES // len(line) + 5)) + "]"
    assert _sniff(array).format == "json_array"


def test_quoted_headers_may_hold_the_delimiter():
    layout = _sniff(_csv(HEADERS).replace("customer_id", '"customer_id"', 1).replace("city", '"ci,ty"', 1))
    assert "ci,ty" in layout.headers
    assert layout.headers[0] == "customer_id"


@given(st.permutations(HEADERS), st.sampled_from([",", ";", "\t", "|"]))
def test_the_order_of_columns_does_not_matter(headers, delimiter):
    layout = _sniff(_csv(headers, delimiter))
    assert layout.delimiter == delimiter
    assert list(layout.headers) == headers
    assert layout.feed == "customers"


@pytest.mark.parametrize("feed", sorted(FEEDS))
def test_each_feed_is_known_by_its_required_columns(feed):
    header = ",".join(FEEDS[feed].required) + "\n"
    assert _sniff(header).feed == feed
    assert _sniff(header, feed=feed).feed == feed


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name,age\nx,3\n", ["unknown layout", "Found: no known column; unknown columns: 2 (number 1, 2)"]),
        (_csv([h for h in HEADERS if h != "contract"]), ["lacks: contract"]),
        ("customer_id,Sex,shoes\n", ["Found: customer_id, gender; unknown columns: 1 (number 3)"]),
        ("[]", ["no valid record found"]),
        ("{}", ["no valid record found"]),
        ('{"customer_id": ', ["no valid record found"]),
        ('[{"customer_id": "A-1"}, {"customer', ["broken or cut off behind record 1"]),
        (b"PK\x03\x04", ["Excel workbook"]),
        (" \n", ["is empty"]),
        ("Op," + _csv(HEADERS), ["column number 1 (op) says what happened", "deliver the present state"]),
        (json.dumps({**GOOD, "__deleted": "false"}), [f"column number {len(GOOD) + 1} (deleted) says what happened"]),
        (_csv(HEADERS).replace("city", "City,CITY", 1), ["columns number 6 and 7 both mean city", "Remove one"]),
    ],
)
def test_what_cannot_be_used_is_explained(content, words):
    with pytest.raises(LayoutError) as error:
        _sniff(content)
    assert all(word in str(error.value) for word in words)


@given(st.text(max_size=300))
def test_any_text_gives_a_layout_or_a_clear_error(text):
    with pytest.raises(LayoutError, match=r"\.$"):
        _sniff(text)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_layout_or_a_clear_error(content):
    with pytest.raises(LayoutError, match=r"\.$"):
        _sniff(content)


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08nonsense", gzip.compress(_csv(HEADERS).encode())[:-20]])
def test_a_damaged_gzip_file_is_explained(content):
    with pytest.raises(DamagedFileError, match=r"^cannot be read"):
        _sniff(content)


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, bz2.compress, lambda data: gzip.compress(b"") + gzip.compress(data)]
)
def test_the_content_decides_the_packing(pack):
    assert list(_sniff(pack(_csv(HEADERS).encode())).headers) == HEADERS


def test_the_beginning_of_a_bzip2_file_is_enough():
    """A block holds 900 KB, and nothing is known before its end."""
    rng = random.Random(1)
    text = _csv(HEADERS) + "".join(f"{rng.getrandbits(4000):x}\n" for _ in range(3000))
    stream = io.BytesIO(bz2.compress(text.encode()))
    assert sniff(read_parts(stream), None).feed == "customers"
    assert stream.tell() <= MB < len(stream.getvalue())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("content", [_csv(HEADERS), json.dumps(GOOD)])
def test_unicode_of_any_encoding_is_known(encoding, content):
    assert list(_sniff(content.encode(encoding)).headers) == HEADERS


def test_a_file_without_a_header_says_nothing_of_its_records():
    with pytest.raises(LayoutError, match="the first line looks like data: the file has no header") as error:
        _sniff("".join(_csv(HEADERS, rows=3).splitlines(keepends=True)[1:]))
    assert not any(value in str(error.value) for value in GOOD.values() if len(value) > 3)


@given(st.lists(st.text(st.characters(categories=["Lu"]), min_size=6, max_size=12), min_size=1, max_size=30))
def test_no_unknown_header_is_in_a_message(headers):
    with pytest.raises(LayoutError) as error:
        _sniff(",".join(headers))
    assert not any(header in str(error.value) for header in headers)


def test_many_unknown_columns_are_counted():
    with pytest.raises(LayoutError, match=r"unknown columns: 40 \(number 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …\)"):
        _sniff(",".join(f"column {number}" for number in range(40)))


def test_the_beginning_of_a_long_gzip_file_is_enough():
    rng = random.Random(1)
    lines = "".join(",".join([*(GOOD[h] for h in HEADERS[:-1]), str(rng.random())]) + "\n" for _ in range(120_000))
    stream = io.BytesIO(gzip.compress((_csv(HEADERS) + lines).encode()))
    assert sniff(read_parts(stream), None).feed == "customers"
    assert stream.tell() <= SAMPLE_BYTES < len(stream.getvalue())


LIMIT = DEFAULT_LIMITS.length


def _lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


LATE = {
    "long first record": _lines(GOOD | {"note": "x" * SAMPLE_BYTES}, GOOD),
    "long first record of letters that take three bytes": json.dumps(GOOD | {"note": "語" * MB}, ensure_ascii=False),
    "longest first record": _lines({"note": "x" * (LIMIT - len(_lines(GOOD | {"note": ""})))} | GOOD, GOOD),
    "faulty and long first record": "{" + "x" * SAMPLE_BYTES + "\n" + _lines(GOOD),
    "first record that is too long": _lines(GOOD | {"note": "x" * LIMIT}, GOOD),
    "array of long records": json.dumps([GOOD | {"note": "x" * SAMPLE_BYTES}] * 3, indent=1),
    "blank lines before JSON": "\r\n" * SAMPLE_BYTES + _lines(GOOD),
    "blank lines before CSV": "\r\n" * SAMPLE_BYTES + _csv(HEADERS),
    "long header": _csv(HEADERS).replace("\n", f",{'x' * SAMPLE_BYTES}\n", 1),
    "long header behind a separator": "sep=;\n"
    + _csv(HEADERS, ";").replace("customer_id", f"{'x' * MB};customer_id", 1),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("content", LATE.values(), ids=LATE)
def test_first_record_may_end_late(content, pack):
    """Wherever the reader finds a record, so does sniffing."""
    data = pack(content.encode())
    assert set(_sniff(data).headers) >= set(HEADERS)
    assert good(read(data))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_first_record_may_end_late_in_any_encoding(encoding):
    record = _lines(GOOD | {"note": "x" * (LIMIT // 2)})
    assert set(_sniff(record.encode(encoding)).headers) >= set(HEADERS)


HOSTILE = {
    "one line": ("x" * MB, "its header cannot be read: longer than 8,388,608 bytes"),
    "one object": ('{"a":"' + "x" * MB, r"no valid record.*\(longer than 8,388,608 bytes\)"),
    "one element": ('[{"a":"' + "x" * MB, r"no valid record.*\(none ends in its first 33,554,432 bytes\)"),
    "lines of faults": ("{\n" + "x\n" * MB, r"no valid record.*\(not a JSON object\)"),
    "objects without a key": ("{}\n" * MB, "no valid record"),
    "blanks": (" " * MB, "has nothing but blanks in its first 8,388,608 bytes"),
    "blank lines": ("\r\n" * MB, "has nothing but blanks in its first 8,388,608 bytes"),
    "blanks in an array": ("[" + " " * MB, "no valid record"),
}


@pytest.mark.parametrize(("beginning", "words"), HOSTILE.values(), ids=HOSTILE)
def test_endless_content_is_given_up(beginning, words):
    """What goes on for ever is read as far as the longest record may end, and the reason is true."""
    taken = 0

    def endless():
        nonlocal taken
        first, rest = beginning.encode()[:MB], beginning.encode()[-MB:]
        for part in itertools.chain([first], itertools.repeat(rest)):
            taken += len(part)
            yield part

    with pytest.raises(LayoutError, match=words):
        sniff(endless(), None)
    assert taken <= 4 * LIMIT + MB


def test_small_records_are_sniffed_in_the_sample_alone():
    stream = io.BytesIO((_lines(GOOD) * 10_000).encode())
    assert set(sniff(read_parts(stream), None).headers) == set(HEADERS)
    assert stream.tell() <= 2 * SAMPLE_BYTES < len(stream.getvalue())


@given(
    st.sampled_from(["", "\n", " \r\n"]),
    st.integers(0, 3 * SAMPLE_BYTES),
    st.integers(0, 3 * SAMPLE_BYTES),
    st.sampled_from(["csv", "lines", "array"]),
    st.sampled_from([SAMPLE_BYTES // 7, SAMPLE_BYTES, MB]),
)
@settings(max_examples=30, deadline=None)
def test_blanks_and_long_values_hide_no_record(blank, blanks, length, form, part):
    """Sniffing finds the feed wherever the first record ends, in parts of any size."""
    record = GOOD | {"note": "x" * length}
    text = {
        "csv": f"{','.join(record)}\n{','.join(record.values())}\n",
        "lines": _lines(record, GOOD),
        "array": json.dumps([record, GOOD]),
    }[form]
    data = (blank * (blanks // max(1, len(blank))) + text).encode()
    layout = sniff((data[at : at + part] for at in range(0, len(data), part)), None)
    assert (layout.feed, set(layout.headers)) == ("customers", {*HEADERS, "note"})
