"""Documents beside the tables: round trips, older releases, damage."""

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import LakeError
from lake.documents import Documents
from lake.storage import open_folder


@dataclass(frozen=True)
class Part:
    name: str
    share: float | None = None


@dataclass(frozen=True)
class Order:
    number: int
    parts: tuple[Part, ...] = ()
    tags: dict[str, list[str]] = field(default_factory=dict)
    is_open: bool = False


text = st.text(max_size=8)
orders = st.builds(
    Order,
    number=st.integers(-(10**12), 10**12),
    parts=st.lists(st.builds(Part, text, st.none() | st.floats(allow_nan=False, allow_infinity=False)), max_size=3).map(
        tuple
    ),
    tags=st.dictionaries(text, st.lists(text, max_size=2), max_size=3),
    is_open=st.booleans(),
)
WHOLE = Order(7, (Part("wheel", 0.5), Part("door")), {"city": ["Zürich", "Rome"]}, is_open=True)


def _documents(folder, **options):
    return Documents(folder / "orders", Order, **options)


@given(orders)
def test_order_survives_its_file(tmp_path_factory, order):
    documents = _documents(open_folder(tmp_path_factory.mktemp("lake")))
    documents.write("one", order)
    assert documents.read("one") == order


def test_order_survives_any_folder(folder):
    documents = _documents(folder)
    documents.write("one", WHOLE)
    assert documents.read("one") == WHOLE
    assert json.loads((folder / "orders").read_bytes("one.json"))["parts"][0] == {"name": "wheel", "share": 0.5}


def test_second_write_replaces_first(folder):
    documents = _documents(folder)
    for number in (1, 2):
        documents.write("one", Order(number))
    assert documents.read("one") == Order(2)
    assert documents.names() == ["one"]


def test_names_are_documents_only(folder):
    documents = _documents(folder)
    assert documents.names() == []
    for name in ("b", "a", "c-1"):
        documents.write(name, Order(1))
    documents.write("below/c", Order(1))
    documents.folder.write_text("notes.txt", "not a document")
    assert documents.names() == ["a", "b", "c-1"]


def test_deleted_document_is_gone(folder):
    documents = _documents(folder)
    documents.write("one", Order(1))
    documents.delete("one")
    documents.delete("one")
    assert not documents.exists("one")
    with pytest.raises(FileNotFoundError):
        documents.read("one")


def test_name_is_no_prefix(folder):
    documents = _documents(folder)
    documents.write("one.more", Order(1))
    assert documents.exists("one.more")
    assert not documents.exists("one")


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "7",
        "null",
        '"text"',
        "{}",
        '{"number": "many"}',
        '{"number": 1, "parts": [{"share": 1}]}',
        '{"number": 1, "tags": []}',
    ],
)
def test_foreign_content_names_the_remedy(folder, content):
    documents = _documents(folder)
    documents.folder.write_text("one.json", content)
    with pytest.raises(LakeError, match=r"orders/one\.json was written by another version.*churn run"):
        documents.read("one")


@pytest.mark.parametrize("content", [b"", b"{", b'{"number": 1', b"\xff\xfe"])
def test_damaged_content_is_named(folder, content):
    documents = _documents(folder)
    documents.folder.write_bytes("one.json", content)
    with pytest.raises(LakeError, match=r"orders/one\.json is damaged"):
        documents.read("one")


def test_missing_fields_take_their_defaults(folder):
    documents = _documents(folder)
    documents.folder.write_json("one.json", {"number": 3})
    assert documents.read("one") == Order(3)


def test_later_fields_are_left_out(folder):
    documents = _documents(folder)
    documents.folder.write_json("one.json", {"number": 3, "colour": "of a later release"})
    assert documents.read("one") == Order(3)


def test_older_content_is_upgraded(folder):
    documents = _documents(folder, upgrade=lambda content: {**content, "number": content["no"]})
    documents.folder.write_json("old.json", {"no": 4})
    assert documents.read("old") == Order(4)


@pytest.mark.parametrize("content", [{"nr": 4}, [], None, 4])
def test_failed_upgrade_is_another_version(folder, content):
    documents = _documents(folder, upgrade=lambda content: {**content, "number": content["no"]})
    documents.folder.write_json("old.json", content)
    with pytest.raises(LakeError, match="another version"):
        documents.read("old")
