"""Records of CSV: every layout, and faults that cost one record only."""

import base64
import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import DamagedFileError, LayoutError
from lake.raw.csv_rows import csv_rows, split_lines
from lake.raw.records import Limits
from tests.support.raw import faults, good, read, reader

HEAD = "customer_id,gender,city\n"
PLAIN = [["A-1", "Female", "Fresno"]]

READABLE = {
    "comma": (HEAD + "A-1,Female,Fresno", PLAIN),
    "semicolon": ("customer_id;gender;city\nA-1;Female;Fresno", PLAIN),
    "tab": ("customer_id\tgender\tcity\nA-1\tFemale\tFresno", PLAIN),
    "pipe": ("customer_id|gender|city\nA-1|Female|Fresno", PLAIN),
    "line that names the separator": ("sep=;\r\ncustomer_id;gender;city\r\nA-1;Female;Fresno\r\n", PLAIN),
    "separator of its own": ("SEP=^\ncustomer_id^gender^city\nA-1^Female^Fresno\n", PLAIN),
    "two files that name the separator": ("sep=;\ncustomer_id;gender;city\nsep=;\ncustomer_id;gender;city\nA-1;Female;Fresno", PLAIN),
    "every field quoted": (HEAD + '"A-1","Female","Fresno"', PLAIN),
    "delimiter within quotes": (HEAD + 'A-1,Female,"La Cañada, North"', [["A-1", "Female", "La Cañada, North"]]),
    "line ends within quotes": (HEAD + 'A-1,Female,"La\nCañada\r\n\nNorth"\n', [["A-1", "Female", "La\nCañada\r\n\nNorth"]]),
    "doubled quote": (HEAD + 'A-1,Female,"the ""Bay"""', [["A-1", "Female", 'the "Bay"']]),
    "quote inside a field": (HEAD + 'A-1,Female,5" pipe', [["A-1", "Female", '5" pipe']]),
    "backslash is no escape": (HEAD + r'A-1,Female,"C:\new"', [["A-1", "Female", r"C:\new"]]),
    "other delimiter is text": (HEAD + "A-1,Female,a;b|c", [["A-1", "Female", "a;b|c"]]),
    "spaces are kept": (HEAD + " A-1 ,Female, Fresno ", [[" A-1 ", "Female", " Fresno "]]),
    "blank is blank": (HEAD + 'A-1,"",', [["A-1", "", ""]]),
    "word null is text": (HEAD + "A-1,null,NULL", [["A-1", "null", "NULL"]]),
    "zero byte is text": (HEAD + "A-1,Female,a\0b", [["A-1", "Female", "a\0b"]]),
    "line separator of Unicode is text": (HEAD + "A-1,Female,a\u2028b\x85c\x0bd", [["A-1", "Female", "a\u2028b\x85c\x0bd"]]),
    "unicode": (HEAD + "A-1,Female,東京 🗼", [["A-1", "Female", "東京 🗼"]]),
    "replacement character that was sent": (HEAD + "A-1,Female,a\ufffdb", [["A-1", "Female", "a\ufffdb"]]),
    "blank lines": ("\n  \n" + HEAD + "\n\r\nA-1,Female,Fresno\n   \n", PLAIN),
    "carriage returns and line feeds": ("customer_id,gender,city\r\nA-1,Female,Fresno\r\n", PLAIN),
    "carriage returns alone": ("customer_id,gender,city\rA-1,Female,Fresno\r", PLAIN),
    "byte-order mark": ("\ufeff" + HEAD + "A-1,Female,Fresno", PLAIN),
    "byte-order mark before a quote": ('\ufeff"customer_id",gender,city\nA-1,Female,Fresno', PLAIN),
    "byte-order mark of every part": ("\ufeff" + HEAD + "\ufeff" + HEAD + "\ufeffA-1,Female,Fresno", PLAIN),
    "header of every part": (HEAD + "A-1,Female,Fresno\n" + HEAD, PLAIN),
    "quoted header again": (HEAD + '"customer_id","gender","city"\nA-1,Female,Fresno', PLAIN),
    "spaced header again": (HEAD + "customer_id, gender, city\nA-1,Female,Fresno", PLAIN),
    "header again in capitals": (HEAD + "CUSTOMER_ID,Sex,CITY\nA-1,Female,Fresno", PLAIN),
    "row that starts as the header": (HEAD + "customer_id,Female,Fresno", [["customer_id", "Female", "Fresno"]]),
    "trailing delimiter": (HEAD + "A-1,Female,Fresno,\nA-1,Female,Fresno, ,", PLAIN * 2),
    "trailing delimiter in the header": ("customer_id,gender,city,\nA-1,Female,Fresno,", [[*PLAIN[0], ""]]),
    "blank fields cut off": (HEAD + "A-1,Female\nA-1", [["A-1", "Female", ""], ["A-1", "", ""]]),
    "header alone": (HEAD, []),
}  # fmt: skip


@pytest.mark.parametrize("case", READABLE)
@pytest.mark.parametrize("part", [None, 1, 3])
def test_csv_is_read(case, part):
    text, expected = READABLE[case]
    assert read(text, required=("customer_id",), part=part) == expected


UNREADABLE = {
    "too many fields": ("A-1,Female,Fresno,more", "4 fields, the header has 3"),
    "required field missing": ("A-1", "1 field, the header has 3"),
    "quote never closed": ('A-1,Female,"Fresno', "a quote is not closed"),
    "text behind a quote": ('A-1,"Female"x,Fresno', "text behind a closing quote"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_faulty_record_is_kept(case):
    line, reason = UNREADABLE[case]
    found = read(f"{HEAD}A-0,Male,Fresno\n{line}\nA-2,Male,Fresno\n", required=("customer_id", "gender"))
    assert faults(found) == [(reason, line)]
    assert [row[0] for row in good(found)] == ["A-0", "A-2"]


def test_stray_quotes_cost_their_lines_only():
    lines = [f"A-{number},Female,Fresno" for number in range(20)]
    lines[3] = 'A-3,"Female,Fresno'
    lines[9] = 'A-9,Female,"Fres"no'
    lines[15] = 'A-15,Female,"Fresno'
    found = read(HEAD + "\n".join(lines))
    assert [received for _, received in faults(found)] == [lines[3], lines[9], lines[15]]
    assert len(good(found)) == 17


def test_unclosed_quote_is_bounded():
    """It takes in no more than the longest record allowed, however long the file is."""
    lines = [f"A-{number},Female,Fresno" for number in range(500)]
    lines[0] = 'A-0,Female,"Fresno'
    taken = 0

    def parts():
        nonlocal taken
        for line in [HEAD.strip(), *lines]:
            taken += 1
            yield line.encode() + b"\n"

    rows = csv_rows(parts(), ",", Limits(length=200))
    assert len(next(rows)[0]) == 3
    assert next(rows).reason == "a quote is not closed"
    assert taken < 15
    assert len(list(rows)) == 499


def test_invalid_bytes_are_recoverable():
    line = "A-1,Female,Montréal".encode("latin-1")
    found = read(HEAD.encode() + line + b"\nA-2,Female,Fresno\n")
    ((reason, received),) = faults(found)
    assert reason == "invalid UTF-8"
    assert base64.b64decode(json.loads(received)["base64"]) == line
    assert json.loads(received)["text"] == "A-1,Female,Montr\ufffdal"
    assert len(good(found)) == 1


def test_too_long_record_keeps_its_beginning():
    found = read(f"{HEAD}A-1,Female,{'x' * 300}\nA-2,Female,Fresno\n", limits=Limits(length=100))
    ((reason, received),) = faults(found)
    assert reason == "longer than 100 bytes"
    assert received.startswith("A-1,Female,xxx")
    assert len(received) < 110
    assert good(found) == [["A-2", "Female", "Fresno"]]


def test_too_long_quoted_record_is_its_lines():
    """Nothing is lost: what follows the opening line is read as lines."""
    found = read(HEAD + 'A-1,Female,"' + "x\n" * 100 + '"\nA-2,Female,Fresno\n', limits=Limits(length=50))
    assert good(found)[-1] == ["A-2", "Female", "Fresno"]
    assert faults(found)[0] == ("a quote is not closed", 'A-1,Female,"x')


def test_fields_of_any_length_are_read():
    """Python's own reader stops at 128 KB, in a header as well."""
    long = "x" * 200_000
    found = reader(f"customer_id,{long}\nA-1,{long}\n".encode())
    assert found.layout.headers == ("customer_id", long)
    assert list(found.rows) == [["A-1", long]]


def test_another_header_damages_the_file():
    with pytest.raises(DamagedFileError, match="several headers that differ"):
        read(HEAD + "A-1,Female,Fresno\ncity,customer_id,gender\nFresno,A-2,Female\n")


@pytest.mark.parametrize(
    ("text", "words"), [("", "empty"), (" \n\ufeff\r\n", "empty"), ('"customer_id,gender\n', "quote")]
)
def test_file_without_a_header_is_refused(text, words):
    with pytest.raises(LayoutError, match=words):
        read(text)


def test_european_excel_is_read():
    text = "customer_id;city;monthly_charges\r\nA-1;München;50,25\r\nA-2;Köln;7,00\r\n"
    for encoding in ("cp1252", "utf-8", "utf-8-sig", "utf-16"):
        found = reader(text.encode(encoding))
        assert list(found.rows) == [["A-1", "München", "50,25"], ["A-2", "Köln", "7,00"]]
        assert (found.layout.encoding == "cp1252") is (encoding == "cp1252")


def test_late_letter_decides_the_encoding():
    """The whole file is looked at: its first 256 KB may be ASCII."""
    rows = "A-1;Fresno\n" * 40_000
    assert read(b"customer_id;city\n" + rows.encode() + "A-2;München\n".encode("cp1252"))[-1][1] == "München"


def test_one_utf8_letter_makes_other_bytes_faults():
    data = "customer_id;city\nA-1;Köln\n".encode() + "A-2;München\n".encode("cp1252")
    assert [reason for reason, _ in faults(read(data))] == ["invalid UTF-8"]


@given(st.lists(st.sampled_from(list(b"\r\nab")), max_size=60).map(bytes), st.integers(1, 9), st.integers(1, 20))
def test_lines_are_those_of_the_whole(data, part, limit):
    parts = [data[at : at + part] for at in range(0, len(data), part)]
    whole = [line[: limit + 1] for line in data.splitlines(keepends=True)]
    assert list(split_lines(parts, limit)) == whole


cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ['"', '""', ",", "\n", "\r\n", "\r", ";", "x\ny", '"a"', "\ufeff", "\u2028", "\0", " "]
)
tables = st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), max_size=6))


def _written(rows, delimiter=",", quoting=csv.QUOTE_MINIMAL, end="\r\n"):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)
    return out.getvalue().encode()


# Python quotes a line end only where it is a character of its own line ends.
dialects = st.just((csv.QUOTE_MINIMAL, "\r\n")) | st.tuples(
    st.just(csv.QUOTE_ALL), st.sampled_from(["\n", "\r\n", "\r"])
)


@given(tables, st.sampled_from([",", ";", "\t", "|"]), dialects, st.integers(1, 40))
def test_what_is_written_is_read_back(rows, delimiter, dialect, part):
    width = len(rows[0]) if rows else 2
    header = ["customer_id", *(f"column{number}" for number in range(1, width))]
    # A mark at the start of a line is taken for the file's own.
    rows = [row for row in rows if not row[0].startswith("\ufeff")]
    assert read(_written([header, *rows], delimiter, *dialect), part=part) == rows


@given(tables, tables)
def test_files_put_together_give_both(one, other):
    header = ["customer_id", "b"]
    rows = [[row[0].lstrip("\ufeff"), row[1]] for row in [*one, *other]]
    half = len(one)
    together = _written([header, *rows[:half]]) + _written([header, *rows[half:]])
    assert read(together) == rows


@given(
    st.lists(
        st.sampled_from(["a,b\n", '"a,b\n', 'a,"b\n', '"a\nb",c\n', 'a"b,c\n', '"",""\n', '"""a\n', "\r", "\xe9,1\n"]),
        max_size=12,
    ),
    st.integers(1, 9),
    st.integers(14, 30),
)
def test_parts_change_nothing(pieces, part, limit):
    data = b"customer_id,b\n" + "".join(pieces).encode("latin-1")
    limits = Limits(length=limit)
    assert read(data, part=part, limits=limits) == read(data, limits=limits)


@given(st.lists(st.sampled_from(['a,"b\n', "A,1\n", '"x"y,1\n']), max_size=30))
def test_no_line_is_lost(lines):
    """Every line is a record, a fault, or a part of one."""
    found = read("customer_id,b\n" + "".join(lines))
    kept = "".join("".join(f if isinstance(f, list) else f.received) for f in found)
    assert [kept.count(letter) for letter in "bAy"] == ["".join(lines).count(letter) for letter in "bAy"]
