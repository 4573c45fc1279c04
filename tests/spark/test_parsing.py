"""Lines of files to the columns of a feed, as received."""

import base64
import csv
import io
import json
import random
from collections import defaultdict
from functools import reduce

import pytest
from pyspark.sql import DataFrame

from contract.feeds import FEEDS
from tests.spark.frames import FILE_TIME, INGESTED_AT, assert_cases, assert_declared, utc
from transforms.bronze import parse, with_lineage

FEED = FEEDS["demographics"]
HEADERS = ("customer_id", "gender", "city")


def csv_case(*lines, delimiter=",", headers=HEADERS):
    return ("csv", delimiter, headers, lines)


def json_case(*lines, headers=HEADERS):
    return ("json_lines", "", headers, lines)


def array_case(*texts, headers=HEADERS):
    return ("json_array", "", headers, texts)


def text_frame(spark, lines):
    """Lines as Spark reads them: bytes that are taken for text, valid or not."""
    return spark.createDataFrame(lines, "value binary, _path string").selectExpr("cast(value AS string) value", "_path")


def parsed(spark, cases):
    """All cases by one Spark job; the name of a case is the path of its file."""
    layouts = defaultdict(list)
    for name, (file_format, delimiter, headers, lines) in cases.items():
        layouts[(file_format, delimiter, headers)] += [
            (line if isinstance(line, bytes) else line.encode(), name) for line in lines
        ]
    frames = [parse(text_frame(spark, lines), FEED, *layout) for layout, lines in layouts.items()]
    found = {name: [] for name in cases}
    for row in reduce(DataFrame.unionByName, frames).collect():
        found[row["_path"]].append(row)
    return found


def values(rows, *columns):
    return [tuple(row[column] for column in columns or HEADERS) for row in rows]


PLAIN = [("A-1", "Female", "Fresno")]
READABLE = {
    "comma": (csv_case("A-1,Female,Fresno"), PLAIN),
    "semicolon": (csv_case("A-1;Female;Fresno", delimiter=";"), PLAIN),
    "tab": (csv_case("A-1\tFemale\tFresno", delimiter="\t"), PLAIN),
    "pipe": (csv_case("A-1|Female|Fresno", delimiter="|"), PLAIN),
    "every field quoted": (csv_case('"A-1","Female","Fresno"'), PLAIN),
    "delimiter within quotes": (csv_case('A-1,Female,"La Cañada, North"'), [("A-1", "Female", "La Cañada, North")]),
    "doubled quote": (csv_case('A-1,Female,"the ""Bay"""'), [("A-1", "Female", 'the "Bay"')]),
    "backslash is no escape": (csv_case(r'A-1,Female,"C:\new"'), [("A-1", "Female", r"C:\new")]),
    "other delimiter is text": (csv_case("A-1,Female,a;b|c"), [("A-1", "Female", "a;b|c")]),
    "spaces are kept": (csv_case(" A-1 ,Female, Fresno "), [(" A-1 ", "Female", " Fresno ")]),
    "quoted blank is not null": (csv_case('A-1,"",""'), [("A-1", "", "")]),
    "word null is text": (csv_case("A-1,null,NULL"), [("A-1", "null", "NULL")]),
    "blank lines are dropped": (csv_case("", "A-1,Female,Fresno", "   "), PLAIN),
    "header is dropped": (csv_case("customer_id,gender,city", "A-1,Female,Fresno"), PLAIN),
    "header with byte-order mark": (csv_case("\ufeffcustomer_id,gender,city", "A-1,Female,Fresno"), PLAIN),
    "header of every part": (csv_case("customer_id,gender,city", "A-1,Female,Fresno", "customer_id,gender,city"), PLAIN),
    "quoted header": (csv_case('"customer_id","gender","city"', "A-1,Female,Fresno"), PLAIN),
    "spaced header": (csv_case("customer_id, gender, city", "A-1,Female,Fresno"), PLAIN),
    "row that starts as the header": (
        csv_case("customer_id,Female,Fresno"), [("customer_id", "Female", "Fresno")],
    ),
    "spelled header": (
        csv_case("Customer ID,Sex,CITY", "A-1,Female,Fresno", headers=("Customer ID", "Sex", "CITY")), PLAIN,
    ),
    "columns in another order": (
        csv_case("Fresno,A-1,Female", headers=("city", "customer_id", "gender")), PLAIN,
    ),
    "unicode": (csv_case("A-1,Female,東京 🗼"), [("A-1", "Female", "東京 🗼")]),
    "replacement character that was sent": (csv_case("A-1,Female,a\ufffdb"), [("A-1", "Female", "a\ufffdb")]),
    "object": (json_case('{"customer_id": "A-1", "gender": "Female", "city": "Fresno"}'), PLAIN),
    "object with byte-order mark": (
        json_case('\ufeff{"customer_id": "A-1", "gender": "Female", "city": "Fresno"}'), PLAIN,
    ),
    "object with spaces around": (
        json_case('  {"customer_id": "A-1", "gender": "Female", "city": "Fresno"}  '), PLAIN,
    ),
    "absent key is null": (json_case('{"customer_id": "A-1"}'), [("A-1", None, None)]),
    "JSON null is null": (json_case('{"customer_id": "A-1", "gender": null, "city": ""}'), [("A-1", None, "")]),
    "numbers and booleans are text": (
        json_case('{"customer_id": 7, "gender": true, "city": 1.5}'), [("7", "true", "1.5")],
    ),
    "nested value is text": (json_case('{"customer_id": "A-1", "city": {"a": [1]}}'), [("A-1", None, '{"a":[1]}')]),
    "escaped text": (json_case(r'{"customer_id": "A-1", "city": "a\"b\u00e9\n"}'), [("A-1", None, 'a"bé\n')]),
    "spelled keys": (
        json_case('{"Customer ID": "A-1", "Sex": "Female", "city": "Fresno"}', headers=("Customer ID", "Sex", "city")),
        PLAIN,
    ),
    "own name after another spelling": (
        json_case('{"Sex": "Female", "customer_id": "A-1"}', '{"gender": "Male", "customer_id": "A-2"}', headers=("Sex", "customer_id")),
        [("A-1", "Female", None), ("A-2", "Male", None)],
    ),
    "array": (
        array_case('[{"customer_id": "A-1"},\n {"customer_id": "A-2", "city": "Fresno"}]'),
        [("A-1", None, None), ("A-2", None, "Fresno")],
    ),
    "empty array": (array_case("[]"), []),
}  # fmt: skip


def test_parse_reads_every_layout(spark):
    found = parsed(spark, {name: case for name, (case, _) in READABLE.items()})
    assert_cases(
        {name: values(rows) for name, rows in found.items()}, {name: rows for name, (_, rows) in READABLE.items()}
    )
    faulty = {name: row["_parse_error"] for name, rows in found.items() for row in rows if row["_parse_error"]}
    assert not faulty


def test_blank_csv_field_stays_blank(spark):
    (row,) = parsed(spark, {"blank": csv_case("A-1,,")})["blank"]
    assert values([row]) == [("A-1", "", "")]


UNREADABLE = {
    "too many fields": (csv_case("A-1,Female,Fresno,more"), "not 3 fields", "A-1,Female,Fresno,more"),
    "too few fields": (csv_case("A-1,Female"), "not 3 fields", "A-1,Female"),
    "one word": (csv_case("end"), "not 3 fields", "end"),
    "cut object": (json_case('{"customer_id": "cut'), "not a JSON object", '{"customer_id": "cut'),
    "object cut between keys": (json_case('{"customer_id": "A-1", '), "not a JSON object", '{"customer_id": "A-1", '),
    "no object": (json_case("[1, 2]"), "not a JSON object", "[1, 2]"),
    "a number": (json_case("42"), "not a JSON object", "42"),
    "text after the object": (json_case('{"customer_id": "A-1"} x'), "not a JSON object", '{"customer_id": "A-1"} x'),
    "element that is no object": (array_case("[7]"), "not a JSON object", "7"),
    "file that is no array": (array_case('[{"customer_id": '), "not a JSON object", '[{"customer_id": '),
}


def test_unparsable_line_is_kept(spark):
    found = parsed(spark, {name: case for name, (case, _, _) in UNREADABLE.items()})
    kept = {name: [(row["_parse_error"], row["_rescued_data"]) for row in rows] for name, rows in found.items()}
    assert_cases(kept, {name: [(error, line)] for name, (_, error, line) in UNREADABLE.items()})
    assert all(row[column] is None for rows in found.values() for row in rows for column in FEED.columns)


def test_invalid_bytes_are_recoverable(spark):
    line = "A-1,Female,Montréal".encode("latin-1")
    (row,) = parsed(spark, {"latin": csv_case(line)})["latin"]
    assert row["_parse_error"] == "invalid UTF-8"
    kept = json.loads(row["_rescued_data"])
    assert base64.b64decode(kept["base64"]) == line
    assert kept["text"] == "A-1,Female,Montr\ufffdal"


RESCUED = {
    "unknown column": (csv_case("A-1,44", headers=("customer_id", "shoe size")), {"shoe size": "44"}),
    "two unknown columns": (csv_case("1,A-1,2", headers=("x", "customer_id", "y")), {"x": "1", "y": "2"}),
    "column without a name": (csv_case("A-1,44", headers=("customer_id", "")), None),
    "no unknown column": (csv_case("A-1,Female,Fresno"), None),
    "unknown key": (json_case('{"customer_id": "A-1", "shoe_size": 44}'), {"shoe_size": "44"}),
    "key that no header showed": (json_case('{"customer_id": "A-1", "later": {"a": 1}}'), {"later": '{"a":1}'}),
    "no unknown key": (json_case('{"customer_id": "A-1", "gender": "Male"}'), None),
    "key of another feed": (json_case('{"customer_id": "A-1", "contract": "One year"}'), {"contract": "One year"}),
    "unknown key of an element": (array_case('[{"customer_id": "A-1", "x": 1}]'), {"x": "1"}),
}


def test_unknown_columns_are_rescued(spark):
    found = parsed(spark, {name: case for name, (case, _) in RESCUED.items()})
    rescued = {
        name: [json.loads(row["_rescued_data"]) if row["_rescued_data"] else None for row in rows]
        for name, rows in found.items()
    }
    assert_cases(rescued, {name: [expected] for name, (_, expected) in RESCUED.items()})
    assert {row["_parse_error"] for rows in found.values() for row in rows} == {None}


def _random_text(generator):
    alphabet = "abcXYZ019 .,;|'\"\\{}[]:#-_éß東🗼\t"
    return "".join(generator.choices(alphabet, k=generator.randint(1, 12)))


def _random_people(count):
    generator = random.Random(20260310)
    return [
        {"customer_id": f"P{n:03d}", "gender": _random_text(generator), "city": _random_text(generator)}
        for n in range(count)
    ]


def _as_csv(person, delimiter, quoting):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="", quoting=quoting).writerow(person.values())
    return out.getvalue()


def test_random_text_survives_every_format(spark):
    """What Python's own writers write comes back as it was, whatever characters it has."""
    people = _random_people(150)
    delimiters = (",", ";", "\t", "|")
    cases = {
        f"{ord(delimiter)} {quoting}": csv_case(*(_as_csv(p, delimiter, quoting) for p in people), delimiter=delimiter)
        for delimiter in delimiters
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
    }
    cases["lines"] = json_case(*(json.dumps(p, ensure_ascii=False) for p in people))
    cases["escaped lines"] = json_case(*(json.dumps(p) for p in people))
    cases["array"] = array_case(json.dumps(people, indent=1))
    expected = {(name, p["customer_id"]): tuple(p.values()) for name in cases for p in people}
    found = {
        (name, row["customer_id"]): values([row])[0] for name, rows in parsed(spark, cases).items() for row in rows
    }
    assert_cases(found, expected)


FILES = "_path string, _source_file string, _source_checksum string, _file_event_at timestamp"


@pytest.mark.parametrize("feed", FEEDS)
def test_lineage_completes_bronze_rows(spark, feed):
    files = spark.createDataFrame([("/raw/a", "a", "sum-a", FILE_TIME), ("/raw/b", "b", "sum-b", FILE_TIME)], FILES)
    lines = [(b'{"customer_id": "A-1"}', "/raw/a"), (b"broken", "/raw/b"), (b'{"customer_id": "A-2"}', "/raw/unknown")]
    rows = with_lineage(
        parse(text_frame(spark, lines), FEEDS[feed], "json_lines", "", ()), FEEDS[feed], files, 7, INGESTED_AT
    )
    found = rows.collect()
    assert_declared(rows, f"bronze.{feed}", found)
    lineage = [(r["_batch_id"], r["_source_file"], r["_source_checksum"], r["customer_id"]) for r in found]
    assert sorted(lineage, key=str) == [(7, "a", "sum-a", "A-1"), (7, "b", "sum-b", None)]
    assert {(utc(r["_ingested_at"]), utc(r["_file_event_at"])) for r in found} == {(INGESTED_AT, FILE_TIME)}
