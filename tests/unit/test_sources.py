"""Change data capture as sources write it: what happened, in which order, in which envelope."""

import json

import pytest

from contract.sources import (
    APPEND,
    BEFORE,
    DELETE,
    SOURCES,
    UPSERT,
    commit_time_header,
    is_key_before,
    is_operation,
    operation,
    sequence_header,
    source_of,
)
from lake.raw.changes import unwrapped
from lake.raw.reader import read_records
from lake.raw.records import Fault


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("cdc/public/customers/LOAD00000001.csv", "cdc"),
        ("operator/cdc/customers/2026/01/05/a.csv", "cdc"),
        ("CDC/customers/a.csv", "cdc"),
        ("customers/cdc.csv", "append"),
        ("customers/a.csv", "append"),
        ("a.csv", "append"),
    ],
)
def test_folder_decides_what_files_are(path, kind):
    assert source_of(path).kind == kind
    assert (source_of(path) == APPEND) == (kind == "append")


@pytest.mark.parametrize(
    ("header", "value", "said"),
    [
        ("Op", "I", UPSERT), ("op", "u", UPSERT), ("_op", "D", DELETE), ("op", "r", UPSERT), ("op", "c", UPSERT),
        ("operation", "Insert", UPSERT), ("change_type", "update_before", BEFORE), ("change_type", "update_after", UPSERT),
        ("row_kind", "-D", DELETE), ("row_kind", "-U", BEFORE), ("row_kind", "+U", UPSERT), ("op", "t", "t"), ("op", "", ""),
        ("deleted", "true", DELETE), ("is_deleted", "0", UPSERT), ("_fivetran_deleted", "False", UPSERT),
        ("AR_H_OPERATION", "DELETE", DELETE), ("header__change_oper", "B", BEFORE), ("METADATA$ACTION", "INSERT", UPSERT),
        ("_hoodie_is_deleted", "true", DELETE), ("is_deleted", "0.0", UPSERT), ("deleted_at", "NaT", UPSERT),
        ("deleted_at", "\\N", UPSERT), ("deleted_at", "0000-00-00 00:00:00", UPSERT), ("deleted_at", "", UPSERT), ("_ab_cdc_deleted_at", "2026-01-05T10:00:00Z", DELETE), ("_sdc_deleted_at", "null", UPSERT),
    ],
)  # fmt: skip
def test_operation_is_read_in_every_spelling(header, value, said):
    assert is_operation(header)
    assert operation(header, value) == said


@pytest.mark.parametrize("header", ["op_code", "gender", "updated_at", "option", ""])
def test_other_columns_say_no_operation(header):
    assert not is_operation(header)


def test_position_in_the_log_counts_before_the_transaction():
    assert sequence_header(("Op", "transact_id", "AR_H_CHANGE_SEQ", "customer_id")) == "AR_H_CHANGE_SEQ"
    assert sequence_header(("Op", "transact_id", "customer_id")) == "transact_id"
    assert sequence_header(("Op", "customer_id")) is None
    assert commit_time_header(("Op", "updated_at", "dms_timestamp")) == "dms_timestamp"
    assert commit_time_header(("Op", "updated_at")) is None


def test_only_the_key_before_is_an_old_key():
    assert is_key_before("BI_customer_id")
    assert not any(map(is_key_before, ("BI_city", "customer_id", "XX_customer_id", "BI_")))


def _envelope(**parts):
    return {name: json.dumps(part) if isinstance(part, dict) else part for name, part in parts.items()}


def test_envelope_gives_its_record():
    source = {"lsn": 24023128, "ts_ms": 1767607200000}
    found = unwrapped(
        _envelope(
            op="u", before={"customer_id": "A", "city": "old"}, after={"customer_id": "A", "city": None}, source=source
        )
    )
    assert found == {
        "customer_id": "A", "city": None, "op": "u", "change_seq": "24023128", "commit_timestamp": "2026-01-05T10:00:00+00:00",
    }  # fmt: skip
    deleted = unwrapped(
        _envelope(op="d", before={"customer_id": "A"}, after=None, source={"file": "binlog.000012", "pos": 345})
    )
    assert deleted == {"customer_id": "A", "op": "d", "change_seq": "binlog.000012:345"}
    assert unwrapped({"payload": json.dumps({"op": "c", "after": {"customer_id": "A"}})}) == {
        "customer_id": "A",
        "op": "c",
    }


def test_what_is_no_envelope_stays():
    for record in ({"op": "D", "customer_id": "A"}, {"customer_id": "A"}, {"payload": "x", "customer_id": "A"}):
        assert unwrapped(record) == record
    fault = Fault("not a JSON object", "x")
    assert unwrapped(fault) is fault


def test_null_behind_a_deletion_is_no_record():
    lines = b'{"op": "d", "before": {"customer_id": "A"}, "after": null, "source": {"lsn": 1}}\nnull\n'
    records = read_records(lambda: iter([lines]), source=SOURCES[0])
    assert [record["customer_id"] for record in records.objects] == ["A"]


def test_truncation_is_a_fault():
    found = unwrapped(_envelope(op="t", before=None, after=None, source={"lsn": 1}))
    assert isinstance(found, Fault)
    assert "TRUNCATE" in found.reason
