"""From a file's content to UTF-8, and which encoding it is in."""

import codecs
import re
from collections.abc import Iterable, Iterator

from contract.errors import DamagedFileError

UTF8, WINDOWS_1252 = "utf-8", "cp1252"
BYTE_ORDER_MARK = "\ufeff"
# The longer marks first: UTF-32's begins as UTF-16's.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_VALID = re.compile("[^\x00-\x7f\udc80-\udcff]")
_UNDEFINED_IN_1252 = re.compile("[\udc81\udc8d\udc8f\udc90\udc9d]")


def find_encoding(sample: bytes) -> str:
    """Return UTF-16 or UTF-32 where the content begins as they do, with a mark or without, else UTF-8.

    Both a header and JSON begin with a letter of ASCII, which has a zero byte beside it in UTF-16.
    """
    marked = next((encoding for mark, encoding in _MARKS.items() if sample.startswith(mark)), None)
    if marked is not None or len(sample) < 2:
        return marked or UTF8
    return {(True, False): "utf-16-be", (False, True): "utf-16-le"}.get((sample[0] == 0, sample[1] == 0), UTF8)


def is_windows_1252(parts: Iterable[bytes]) -> bool:
    """Return whether content has letters of Windows-1252 and none of UTF-8: what Excel writes in Europe.

    The whole content decides. Where a letter of UTF-8 is in it, the bytes that are not UTF-8 are faults of their records.
    """
    decoder = codecs.getincrementaldecoder(UTF8)("surrogateescape")
    is_found = False
    for part in parts:
        text = decoder.decode(part)
        if not text.isascii():
            if _VALID.search(text) or _UNDEFINED_IN_1252.search(text):
                return False
            is_found = True
    return is_found or bool(decoder.decode(b"", final=True))


def as_utf8(parts: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield content in UTF-8. Halves of surrogate pairs stay what they are: invalid. Raises DamagedFileError."""
    if encoding == UTF8:
        yield from parts
        return
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass" if encoding != WINDOWS_1252 else "strict")
    try:
        for part in parts:
            yield decoder.decode(part).encode(UTF8, "surrogatepass")
        yield decoder.decode(b"", final=True).encode(UTF8, "surrogatepass")
    except UnicodeDecodeError as error:
        raise DamagedFileError(
            f"is not valid {encoding.upper()}, or ends inside a letter. Deliver it again."
        ) from error
