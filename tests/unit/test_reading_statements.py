"""What `churn query --on warehouse` takes: one statement, which begins as one that reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import QueryError
from serving.warehouse.statements import check_reads

_TEXT = st.text(alphabet="ab;'\"-/*\n\r $", max_size=8)
_LITERAL = _TEXT.map(lambda text: "'" + text.replace("'", "''") + "'")
_IDENTIFIER = _TEXT.map(lambda text: '"' + text.replace('"', '""') + '"')
_LINE_COMMENT = _TEXT.map(lambda text: "--" + text.replace("\n", "").replace("\r", "") + "\n")
_COMMENT = _TEXT.map(lambda text: "/*" + text.replace("*", "").replace("/", "") + "*/")
_PLAIN = st.sampled_from([" ", "a", "1 ", "- 1", "/ 2", "* ", "(b)", ",\n"])
_PIECE = st.one_of(_LITERAL, _IDENTIFIER, _LINE_COMMENT, _COMMENT, _PLAIN)
# Between two pieces: what ends in a slash must not begin a comment with the next one.
_PIECES = st.lists(_PIECE, max_size=6).map(lambda pieces: [f"{piece} " for piece in pieces])


@given(_PIECES, st.sampled_from(["", ";", " ; ", ";\n-- end", "; /* ; */"]))
def test_semicolons_in_quotes_and_comments_are_no_second_statement(pieces, end):
    check_reads("SELECT " + "".join(pieces) + end)


@given(_PIECES, st.sampled_from(["TRUNCATE t", "x", "'y'", '"z"', "--\nCOMMIT", ";"]), _PIECES)
def test_anything_after_a_semicolon_is_refused(before, second, after):
    with pytest.raises(QueryError, match="give one statement, not multiple commands"):
        check_reads("SELECT " + "".join(before) + ";" + second + " " + "".join(after))


@pytest.mark.parametrize(
    "sql",
    [
        r"SELECT '\'; TRUNCATE t; --'",
        r"SELECT 'a\'' ; TRUNCATE t; --'",
        "SELECT $$ ' $$; TRUNCATE t; --'",
        "SELECT $a$ ' $a$; TRUNCATE t; --'",
        "SELECT 1 -- '\n; TRUNCATE t --'",
        "SELECT 1 -- '\r; TRUNCATE t --'",
        "SELECT 1 /* ' */; TRUNCATE t --'",
        "SELECT 'open ; TRUNCATE t",
        'SELECT "open ; TRUNCATE t',
        "SELECT 1 /* open ; TRUNCATE t",
    ],
)
def test_what_a_server_could_read_in_another_way_is_refused(sql):
    with pytest.raises(QueryError, match=r"CHR\(59\)"):
        check_reads(sql)


@pytest.mark.parametrize("sql", [r"SELECT a FROM t WHERE a ~ '^\\d+$';", "SELECT '$5' AS price", "SELECT 1 -- open '"])
def test_only_a_semicolon_is_looked_at_twice(sql):
    check_reads(sql)


@pytest.mark.parametrize(
    "sql", ["-- SELECT\rDROP TABLE t\n SELECT 1", "--\rTRUNCATE t", "/* SELECT */ DELETE FROM t", "", ";", "'SELECT'"]
)
def test_first_word_is_that_of_the_server(sql):
    with pytest.raises(QueryError, match="churn query only reads: give one SELECT, WITH, SHOW or EXPLAIN statement"):
        check_reads(sql)


@pytest.mark.parametrize(
    "sql", ["select 1", "(SELECT 1) UNION (SELECT 2)", "-- a\r/* b */ with x AS (SELECT 1) SELECT 2"]
)
def test_reading_statement_is_taken(sql):
    check_reads(sql)
