r"""Received text to clean text, as Spark SQL: what cannot be seen or says nothing is taken off.

Patterns are Java's: \p{Z} any space, \p{Cc} control characters, \p{Cf} characters without a shape (zero-width space,
byte-order mark, soft hyphen), \p{M} marks on the letter before. Spark's parser reads two backslashes as one.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache

from contract.columns import EVENT_TIME, KEY

# A value has 200 characters at most; what is longer is quarantined, and silver carries only its beginning.
CARRIED_CHARACTERS = 64 * 1024
CUT = "… (cut)"
# Letters that have a composed form lie in these; Hangul, which is composed by rule, does not.
_LETTERS = range(0xC0, 0x3100)


def quote(text: str) -> str:
    """Return a SQL string of `text`."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def carried_sql(column: str) -> str:
    """Return SQL of a received column, of one above 65,536 characters the beginning and "… (cut)", which no rule accepts.

    A record may have 8 MB, which every shuffle and every copy of its row would move. Bytes are counted faster than
    characters, and first.
    """
    is_long = " AND ".join(f"{size}(`{column}`) > {CARRIED_CHARACTERS}" for size in ("octet_length", "length"))
    return f"IF({is_long}, concat(left(`{column}`, {CARRIED_CHARACTERS}), '{CUT}'), `{column}`)"


def trimmed_sql(column: str) -> str:
    """Return SQL of a received column without spaces around it and characters that are not seen; "" where blank.

    Any kind of space becomes a plain one. Text of one byte a character, nearly all of it, is only trimmed.
    """
    seen = rf"regexp_replace(regexp_replace(`{column}`, '\\p{{Cf}}', ''), '[\\p{{Z}}\\p{{Cc}}]', ' ')"
    visible = f"IF(octet_length(`{column}`) > length(`{column}`), {seen}, `{column}`)"
    return rf"trim(BOTH ' \t\r\n\u000b\u000c\u0000' FROM {visible})"


def valued_sql(text: str, null_words: Iterable[str]) -> str:
    """Return SQL of `text`, null where it is blank or, in any case, one of the lower-case `null_words`."""
    return f"CASE WHEN lower({text}) NOT IN ({', '.join(map(quote, ('', *null_words)))}) THEN {text} END"


def plain_sql(text: str) -> str:
    """Return SQL of `text` with a space for every control character."""
    return rf"regexp_replace({text}, '\\p{{Cc}}', ' ')"


def whole_sql(text: str) -> str:
    """Return SQL of `text`, a whole number without the `.0` that pandas gives it when a column has gaps."""
    return rf"regexp_replace({text}, '^([0-9]+)\\.0$', '$1')"


def visible_key_sql() -> str:
    """Return SQL of the received customer id without characters that are not seen."""
    seen = rf"regexp_replace(regexp_replace(`{KEY}`, '[\\p{{Cf}}\\p{{Cc}}&&\\S]', ''), '[\\p{{Z}}\\s]', ' ')"
    return f"trim(IF(`{KEY}` RLIKE '[^!-~]', {seen}, `{KEY}`))"


def key_sql(visible: str) -> str:
    """Return SQL of the customer id that equal-looking ids have in common: composed letters (Unicode NFC), no `.0`."""
    pair = "concat(right(done, 1), next)"
    step = f"concat(left(done, length(done) - 1), coalesce(element_at({_compositions()}, {pair}), {pair}))"
    # Spark has no function for it: of a letter and its marks, one after the other.
    composed = f"aggregate(split({visible}, ''), '', (done, next) -> {step})"
    return whole_sql(rf"IF({visible} RLIKE '\\p{{M}}', {composed}, {visible})")


@cache
def compositions() -> dict[str, str]:
    """Return the composed letter of a letter and the mark behind it."""
    decomposed = {
        unicodedata.normalize("NFD", c): c for c in map(chr, _LETTERS) if unicodedata.normalize("NFC", c) == c
    }
    return {unicodedata.normalize("NFC", d[:-1]) + d[-1]: c for d, c in decomposed.items() if len(d) > 1}


@cache
def _compositions() -> str:
    """SQL of the map of `compositions`."""
    return f"str_to_map({quote(','.join(f'{pair}:{c}' for pair, c in compositions().items()))}, ',', ':')"


def event_time_sql() -> str:
    """Return SQL of the time in the received event time, null where it is not a full date with or without a time."""
    dashed = rf"regexp_replace({trimmed_sql(EVENT_TIME)}, '^([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})$', '$1-$2-$3')"
    return rf"try_to_timestamp(regexp_extract({dashed}, '^[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}(?:[T ].*)?$', 0))"
