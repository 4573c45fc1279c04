"""Files beside the tables without erased customers."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from contract.columns import KEY
from contract.errors import DamagedFileError
from contract.tables import LAYERS
from lake.erasure.ids import CustomerIds
from lake.erasure.parquet import erased_file
from lake.erasure.request import FOLDER
from lake.storage import Folder

_ALERT = re.compile(r"_alerts/\d+\.json")
# What the next run writes again, from tables without him.
_MADE_AGAIN = ("_exports", "_dashboard/data.json", "_dashboard/version.json", "_reports/dashboard.html")
# Rows that a run has left that was killed: nothing reads them.
_LEFTOVERS = ("_control/staging",)
# Damaged files of logs that a repair has put aside, for who looks into the damage.
_DAMAGED = "_damaged/"
# The paths of raw files are their identity.
_NOT_MASKED = ("_control/batches/", "_control/register/", "_control/deliveries")
_OWN = (FOLDER, "_control/erased")


@dataclass
class DocumentErasure:
    """Names of files beside the tables: `changed` are staged, `deleted` are to be, `left` name a customer and stay.

    `not_searched` are no text, as PDF: whether these name him is not known.
    """

    changed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    not_searched: list[str] = field(default_factory=list)


def erase_from_documents(lake: Folder, ids: CustomerIds, staged: Folder, *, is_outdated: bool) -> DocumentErasure:
    """Stage every file beside the tables that names a customer without him, and return what becomes of which.

    An alert loses his entry, its sums stay. In any other text his id gives way to a word. A damaged file of a log is deleted
    where it names him, what the next run makes again also where it `is_outdated`: tables have changed.
    """
    made_again = [name for name in _MADE_AGAIN if is_outdated or _is_named(lake, name, ids)]
    done = DocumentErasure(deleted=[name for name in (*made_again, *_LEFTOVERS) if _below(lake, name)])
    for name in _others(lake):
        content = lake.read_bytes(name)
        after = _of_alert(content, ids) if _ALERT.fullmatch(name) else content
        after = _masked(name, after, ids)
        if after != content and name.startswith(_DAMAGED):
            done.deleted.append(name)
        elif not _is_text(content):
            done.not_searched.append(name)
        elif after == content:
            continue
        elif name.startswith(_NOT_MASKED):
            done.left.append(name)
        else:
            staged.write_bytes(name, after)
            done.changed.append(name)
    return done


def _below(lake: Folder, name: str) -> list[str]:
    """The file of that name, or all files of the folder."""
    return [name] if lake.exists(name) else [f"{name}/{file.name}" for file in (lake / name).files()]


def _is_named(lake: Folder, name: str, ids: CustomerIds) -> bool:
    return any(_names_him(file, lake.read_bytes(file), ids) for file in _below(lake, name))


def _names_him(name: str, content: bytes, ids: CustomerIds) -> bool:
    if not name.endswith(".parquet"):
        return _masked(name, content, ids) != content
    try:
        return erased_file(content, ids) is not None
    except DamagedFileError:
        return True  # nobody knows, and the next run writes it again


def _others(lake: Folder) -> Iterator[str]:
    """Every file that is no table's and does not go as a whole."""
    gone = (*_MADE_AGAIN, *_LEFTOVERS, *_OWN)
    for top in lake.names():
        if top not in LAYERS:
            yield from (n for n in _below(lake, top) if not any(n == name or n.startswith(f"{name}/") for name in gone))


def _of_alert(content: bytes, ids: CustomerIds) -> bytes:
    alert = json.loads(content)
    kept = [customer for customer in alert.get("top", ()) if not ids.has(customer[KEY])]
    if len(kept) == len(alert.get("top", ())):
        return content
    return (json.dumps(alert | {"top": kept}, indent=2) + "\n").encode()


def _masked(name: str, content: bytes, ids: CustomerIds) -> bytes:
    text = content.decode("utf-8", "surrogateescape")
    documents = [text] if name.endswith(".json") else text.splitlines() if name.endswith(".ndjson") else []
    masked = ids.masked_json(text) if documents and all(map(_is_json, documents)) else ids.masked(text)
    return masked.encode("utf-8", "surrogateescape")


def _is_text(content: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        return "\0" not in content.decode()
    return False


def _is_json(text: str) -> bool:
    with suppress(ValueError):
        json.loads(text)
        return True
    return False
