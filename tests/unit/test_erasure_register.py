"""Who has been erased: known by hashes only, left out of what is read, until that is lifted."""

import stat
import traceback
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from cli.customers import lift
from contract.errors import DamagedDocumentError, LakeError
from contract.feeds import FEEDS
from lake.erasure.register import ErasureRegister
from lake.erasure.request import ErasureRequest
from lake.raw.rows import row_schema
from lake.storage import LocalFolder, open_folder
from tests.support.scanner import places_of

DAY = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path):
    return open_folder(tmp_path / "lake")


def _rows(*rows):
    columns = row_schema(FEEDS["billing"])
    return pa.RecordBatch.from_pylist([dict.fromkeys(columns.names) | row for row in rows], schema=columns)


def _left(lake, *rows):
    return ErasureRegister(lake).read().without(_rows(*rows)).num_rows


def test_register_names_nobody(lake, tmp_path):
    ErasureRegister(lake).add(["GONE-0001"], DAY)
    assert places_of(("GONE-0001",), tmp_path) == []
    assert stat.S_IMODE((tmp_path / "lake/_control/erased/key").stat().st_mode) == 0o600
    assert "2026-01-02" in (tmp_path / "lake/_control/erased/register.json").read_text()


def test_erased_are_left_out(lake):
    stays = {"customer_id": "STAYS-0001"}
    assert _left(lake, {"customer_id": "GONE-0001"}, stays) == 2
    ErasureRegister(lake).add(["GONE-0001"], DAY)
    fault = {"_parse_error": "x", "_rescued_data": '{"customer_id":"GONE-0001", "a'}
    other = {"_parse_error": "x", "_rescued_data": '{"customer_id":"STAYS-0001", "a'}
    rescued = stays | {"_rescued_data": '{"friend":"GONE-0001"}'}
    assert _left(lake, {"customer_id": " GONE-0001\u200b"}, fault) == 0
    assert _left(lake, stays, other, rescued, {"customer_id": None}) == 4


def test_short_word_of_a_record_is_no_id(lake):
    ErasureRegister(lake).add(["7", "12345", "123456"], DAY)
    faults = [{"_parse_error": "x", "_rescued_data": f'{{"tenure_months": {text}'} for text in ("7", "12345", "123456")]
    assert _left(lake, *faults, {"customer_id": "7"}) == 2


def test_erasure_can_be_lifted(lake):
    register = ErasureRegister(lake)
    register.add(["GONE-0001", "GONE-0002"], DAY)
    register.add(["GONE-0002"], DAY.replace(day=9))
    assert register.lift(["GONE-0001", "STAYS-0001"]) == 1
    assert _left(lake, {"customer_id": "GONE-0001"}, {"customer_id": "GONE-0002"}) == 1
    assert "2026-01-09" not in lake.read_bytes("_control/erased/register.json").decode()
    assert ErasureRegister(open_folder(lake.uri("other"))).lift(["GONE-0001"]) == 0


@pytest.mark.parametrize("name", ["key", "register.json"])
def test_damaged_register_lets_nobody_back(lake, name):
    ErasureRegister(lake).add(["GONE-0001"], DAY)
    lake.write_bytes(f"_control/erased/{name}", b"\xff")
    with pytest.raises(DamagedDocumentError, match="backup"):
        ErasureRegister(lake).read()


@pytest.mark.parametrize("name", ["key", "register.json"])
def test_register_and_key_need_each_other(lake, name):
    ErasureRegister(lake).add(["GONE-0001"], DAY)
    lake.delete(f"_control/erased/{name}")
    for use in (ErasureRegister(lake).read, lambda: ErasureRegister(lake).add(["GONE-0002"], DAY)):
        with pytest.raises(DamagedDocumentError, match="backup"):
            use()


@pytest.mark.parametrize("last", [0, 1, 2])
def test_first_entry_that_was_ended_is_no_damage(lake, monkeypatch, last):
    count, write = 0, LocalFolder._write

    def ended(*arguments):
        nonlocal count
        if count == last:
            raise KeyboardInterrupt
        count += 1
        write(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(LocalFolder, "_write", ended)
        with pytest.raises(KeyboardInterrupt):
            ErasureRegister(lake).add(["GONE-0001"], DAY)
    assert _left(lake, {"customer_id": "GONE-0001"}) == 1
    ErasureRegister(lake).add(["GONE-0001"], DAY)
    assert _left(lake, {"customer_id": "GONE-0001"}) == 0


def test_files_of_another_account_are_named(lake, monkeypatch):
    ErasureRegister(lake).add(["GONE-0001"], DAY)
    ErasureRequest(lake).add(["GONE-0001"])

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(LocalFolder, "open", refuse)
    for read in (ErasureRegister(lake).read, ErasureRequest(lake).read):
        with pytest.raises(LakeError, match="Run as that account"):
            read()


def test_lifted_are_out_of_an_open_request(lake, capsys):
    ErasureRequest(lake).add(["GONE-0001", "GONE-0002"])
    first = ErasureRequest(lake).read()
    lift(lake, [" GONE-0001", "STAYS-0001"])
    assert "1 customers taken out" in capsys.readouterr().out
    left = ErasureRequest(lake).read()
    assert (left.ids.ids, left.number != first.number) == ({"GONE-0002"}, True)
    lift(lake, ["GONE-0002"])
    assert not ErasureRequest(lake).exists()
    lift(lake, ["GONE-0002"])


def test_requests_add_up(lake, tmp_path):
    request = ErasureRequest(lake)
    assert (request.exists(), len(request.read().ids)) == (False, 0)
    assert request.add([" GONE-0001", "GONE-0001"]) == 1
    first = request.read().number
    request.add(["GONE-0002"])
    assert request.read().ids.ids == {"GONE-0001", "GONE-0002"}
    assert stat.S_IMODE((tmp_path / "lake/_control/erasure/request.json").stat().st_mode) == 0o600
    request.close(first)
    assert request.exists(), "a later request stays"
    request.close(request.read().number)
    assert not request.exists()


def test_damaged_request_is_named(lake):
    lake.write_text("_control/erasure/request.json", "{")
    with pytest.raises(DamagedDocumentError, match="churn forget"):
        ErasureRequest(lake).read()


def test_damaged_request_is_not_told(lake):
    lake.write_text("_control/erasure/request.json", '{"customer_ids": "GONE-0001"}')
    with pytest.raises(DamagedDocumentError) as raised:
        ErasureRequest(lake).read()
    assert "GONE-0001" not in "".join(traceback.format_exception(raised.value))
