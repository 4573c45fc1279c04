"""Format, delimiter, headers and feed of a file, from its first bytes."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import GOOD
from transforms.errors import LayoutError
from transforms.feeds import FEEDS
from transforms.runtime.sniff import SAMPLE_BYTES, sniff

HEADERS = list(GOOD)


def _csv(headers, delimiter=",", rows=1):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(headers)
    for _ in range(rows):
        writer.writerow([GOOD[name] for name in headers])
    return out.getvalue()


def _sniff(folder, content, name="x.csv", feed=None):
    path = folder / name
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return sniff(path, name, feed)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_in_every_dress(tmp_path, delimiter, name, mark):
    layout = _sniff(tmp_path, mark + _csv(HEADERS, delimiter), name)
    assert (layout.feed, layout.format, layout.delimiter) == ("customers", "csv", delimiter)
    assert list(layout.headers) == HEADERS


def test_the_name_of_a_file_does_not_decide_its_format(tmp_path):
    assert _sniff(tmp_path, json.dumps(GOOD), "x.csv").format == "json_lines"
    assert _sniff(tmp_path, _csv(HEADERS), "x.json").format == "csv"


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_objects(tmp_path, indent):
    layout = _sniff(tmp_path, json.dumps([GOOD, {**GOOD, "extra": 1}], indent=indent), "x.json")
    assert layout.format == "json_array"
    assert [*HEADERS, "extra"] == list(layout.headers)


def test_lines_of_objects_with_different_keys(tmp_path):
    first = {k: v for k, v in GOOD.items() if k != "city"}
    layout = _sniff(tmp_path, f"{json.dumps(first)}\nnot json\n[1]\n{json.dumps(GOOD)}\n", "x.jsonl")
    assert layout.format == "json_lines"
    assert set(layout.headers) == set(HEADERS)


def test_a_sample_may_end_inside_a_record(tmp_path):
    line = json.dumps(GOOD | {"note": "x" * 1000}) + "\n"
    layout = _sniff(tmp_path, line * (SAMPLE_BYTES // len(line) + 5), "x.jsonl")
    assert "note" in layout.headers
    array = "[" + ",".join([line] * (SAMPLE_BYTES // len(line) + 5)) + "]"
    assert _sniff(tmp_path, array, "y.json").format == "json_array"


def test_quoted_headers_may_hold_the_delimiter(tmp_path):
    layout = _sniff(tmp_path, _csv(HEADERS).replace("customer_id", '"customer_id"', 1).replace("city", '"ci,ty"', 1))
    assert "ci,ty" in layout.headers
    assert layout.headers[0] == "customer_id"


@given(st.permutations(HEADERS), st.sampled_from([",", ";", "\t", "|"]))
def test_the_order_of_columns_does_not_matter(tmp_path_factory, headers, delimiter):
    layout = _sniff(tmp_path_factory.mktemp("s"), _csv(headers, delimiter))
    assert layout.delimiter == delimiter
    assert list(layout.headers) == headers
    assert layout.feed == "customers"


@pytest.mark.parametrize("feed", sorted(FEEDS))
def test_each_feed_is_known_by_its_required_columns(tmp_path, feed):
    header = ",".join(FEEDS[feed].required) + "\n"
    assert _sniff(tmp_path, header).feed == feed
    assert _sniff(tmp_path, header, feed=feed).feed == feed


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name,age\nx,3\n", ["unknown layout", "Found: name, age"]),
        (_csv([h for h in HEADERS if h != "contract"]), ["lacks: contract"]),
        ("[]", ["no record could be read"]),
        ("{}", ["no record could be read"]),
        ('{"customer_id": ', ["no record could be read"]),
        (b"\xff\xfec\x00u\x00", ["UTF-16", "iconv"]),
        (_csv(HEADERS).replace("city", "City,CITY", 1), ["'City' and 'CITY' both mean city", "Remove one"]),
    ],
)
def test_what_cannot_be_used_is_explained(tmp_path, content, words):
    with pytest.raises(LayoutError) as error:
        _sniff(tmp_path, content)
    assert all(word in str(error.value) for word in ["x.csv", *words])


@given(st.text(max_size=300))
def test_any_text_gives_a_layout_or_a_clear_error(tmp_path_factory, text):
    with pytest.raises(LayoutError, match=r"x\.csv"):
        _sniff(tmp_path_factory.mktemp("s"), text)
