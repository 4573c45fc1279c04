"""What a change of a table does to those who read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from open_data_contract_standard.model import OpenDataContractStandard

from scripts.contract_changes import changes

TABLE = "gold.prices"


def contract(promises=(), **columns):
    properties = [{"name": name, "logicalType": "string", **column} for name, column in columns.items()]
    promised = [{"property": name, "value": value, "unit": unit} for name, value, unit in promises]
    return OpenDataContractStandard.model_validate(
        {
            "version": "1",
            "apiVersion": "v3.1.0",
            "kind": "DataContract",
            "id": TABLE,
            "name": TABLE,
            "schema": [{"name": "prices", "properties": properties}],
            "slaProperties": promised,
        }
    )


def typed(kind, redshift=""):
    return {"physicalType": kind, **(_custom("redshiftType", redshift) if redshift else {})}


def listed(*values, grows=False):
    rule = {"metric": "invalidValues", "arguments": {"validValues": list(values)}, "mustBe": 0}
    return {"quality": [rule], **(_custom("valuesMayGrow", value=True) if grows else {})}


def between(**limits):
    return {"logicalTypeOptions": limits}


def _custom(name, value):
    return {"customProperties": [{"property": name, "value": value}]}


def judged(before, after, renamed=None):
    found = changes({TABLE: before}, {TABLE: after}, renamed)
    return [(change.column, change.kind, change.verdict) for change in found]


WEAKER = [
    ("may be null", {"required": True}, {"required": False}),
    ("values no longer listed", listed("a"), {}),
    ("values added", listed("a"), listed("a", "b")),
    ("values removed", listed("a", "b"), listed("a")),
    ("values removed", listed("a", "b", grows=True), listed("a", grows=True)),
    ("bounds widened", between(minimum=0, maximum=5), between(minimum=0, maximum=6)),
    ("bounds widened", between(minimum=0), between(minimum=-1)),
    ("bounds widened", between(minimum=0, maximum=5), between(minimum=1)),
    ("bounds widened", between(maximum=0), {}),
    ("type narrowed", typed("bigint"), typed("int")),
    ("type narrowed", typed("decimal(12,2)"), typed("decimal(10,2)")),
    ("type narrowed", typed("decimal(12,2)"), typed("decimal(12,4)")),
    ("type narrowed", typed("string", "VARCHAR(800)"), typed("string", "VARCHAR(256)")),
    ("type changed", typed("int"), typed("double")),
    ("type changed", typed("string", "VARCHAR(256)"), typed("string")),
    ("type changed", typed("date"), typed("timestamp")),
    ("type changed", typed("decimal(10,2)"), typed("string")),
    ("type changed", typed("array<string>"), typed("array<decimal(10,2)>")),
    ("unit changed", _custom("unit", "USD"), _custom("unit", "EUR")),
    ("unit changed", _custom("unit", "USD"), {}),
    ("description changed", {"description": "Net price"}, {"description": "Gross price"}),
    ("description changed", {"description": "cltv > 2000"}, {"description": "cltv < 2000"}),
    ("description changed", {"description": "Net price"}, {}),
]
NO_WEAKER = [
    ("never null", {"required": False}, {"required": True}),
    ("values listed", {}, listed("a")),
    ("values added", listed("a", grows=True), listed("a", "b", grows=True)),
    ("bounds tightened", between(minimum=0, maximum=6), between(minimum=0, maximum=5)),
    ("bounds tightened", {}, between(maximum=0)),
    ("type widened", typed("int"), typed("bigint")),
    ("type widened", typed("decimal(10,2)"), typed("decimal(12,4)")),
    ("type widened", typed("string", "VARCHAR(256)"), typed("string", "VARCHAR(800)")),
    ("unit changed", {}, _custom("unit", "USD")),
    ("description changed", {}, {"description": "Net price"}),
]


@pytest.mark.parametrize(("kind", "before", "after"), WEAKER)
def test_weaker_promise_is_breaking(kind, before, after):
    assert judged(contract(price=before), contract(price=after)) == [("price", kind, "breaking")]


@pytest.mark.parametrize(("kind", "before", "after"), NO_WEAKER)
def test_stronger_promise_is_compatible(kind, before, after):
    assert judged(contract(price=before), contract(price=after)) == [("price", kind, "compatible")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (listed("a", "b"), listed("b", "a")),
        ({"description": "Net price"}, {"description": "net\n  price"}),
        ({"required": False}, {}),
        ({"classification": "restricted"}, {"classification": "internal"}),
    ],
)
def test_what_no_query_notices_is_no_change(before, after):
    assert judged(contract(price=before), contract(price=after)) == []


def test_column_added_is_compatible_and_says_whether_it_is_required():
    after = contract(id={}, price={"required": True}, note={"required": False})
    assert judged(contract(id={}), after) == [
        ("price", "required column added", "compatible"),
        ("note", "optional column added", "compatible"),
    ]


def test_renamed_column_is_a_removed_one_unless_it_is_declared():
    before, after = contract(cost=typed("bigint")), contract(price=typed("int"))
    assert judged(before, after) == [
        ("cost", "column removed", "breaking"),
        ("price", "optional column added", "compatible"),
    ]
    assert judged(before, after, {(TABLE, "cost"): "price"}) == [
        ("cost", "column renamed", "breaking"),
        ("cost", "type narrowed", "breaking"),
    ]


def test_renaming_to_what_is_not_there_is_a_removal():
    assert judged(contract(a={}), contract(b={}), {(TABLE, "a"): "c"})[0] == ("a", "column removed", "breaking")


def test_column_that_is_still_there_is_not_renamed():
    assert judged(contract(a={}), contract(a={}, b={}), {(TABLE, "a"): "b"}) == [
        ("b", "optional column added", "compatible")
    ]


KEYED, PLAIN = {"primaryKey": True, "primaryKeyPosition": 1}, {}


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ((KEYED, PLAIN), (PLAIN, KEYED), "breaking"),
        ((KEYED, PLAIN), (KEYED, KEYED), "breaking"),
        ((KEYED, PLAIN), (PLAIN, PLAIN), "breaking"),
        ((PLAIN, PLAIN), (KEYED, PLAIN), "compatible"),
    ],
)
def test_other_key_breaks_joins(before, after, verdict):
    old, new = (contract(a=a, b=b) for a, b in (before, after))
    assert judged(old, new) == [("", "key changed", verdict)]


def test_renamed_key_is_the_same_key():
    found = judged(contract(a=KEYED), contract(b=KEYED), {(TABLE, "a"): "b"})
    assert found == [("a", "column renamed", "breaking")]


def test_tables_come_and_go():
    one = contract(a={})
    assert [(c.table, c.kind, c.verdict) for c in changes({"x": one, "y": one}, {"y": one, "z": one})] == [
        ("x", "table removed", "breaking"),
        ("z", "table added", "compatible"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (("retention", 45, "d"), ("retention", 30, "d"), "breaking"),
        (("retention", 45, "d"), ("retention", 60, "d"), "compatible"),
        (("latency", 26, "h"), ("latency", 50, "h"), "breaking"),
        (("latency", 26, "h"), ("latency", 2, "h"), "compatible"),
        (("latency", 26, "h"), ("latency", 2, "d"), "breaking"),
        (("latency", 26, "h"), None, "breaking"),
        (None, ("latency", 26, "h"), "compatible"),
    ],
)
def test_promise_of_service(before, after, verdict):
    old, new = (contract([promise] if promise else []) for promise in (before, after))
    ((_, kind, found),) = judged(old, new)
    assert (kind.split()[0], found) == ((before or after)[0], verdict)


_TYPES = st.one_of(
    st.sampled_from(["string", "int", "bigint", "double", "date"]),
    st.integers(0, 6).flatmap(lambda scale: st.integers(scale + 1, 20).map(lambda size: f"decimal({size},{scale})")),
)
_COLUMNS = st.fixed_dictionaries(
    {"physicalType": _TYPES, "required": st.booleans(), "primaryKey": st.booleans()},
    optional={
        "description": st.sampled_from(["Net price", "Gross price", "Sum, USD"]),
        "logicalTypeOptions": st.fixed_dictionaries(
            {}, optional={"minimum": st.integers(-9, 0), "maximum": st.integers(0, 9)}
        ),
        "quality": st.lists(st.sampled_from("abc"), min_size=1, unique=True).map(lambda v: listed(*v)["quality"]),
    },
)
_NAMES = st.sampled_from(["id", "price", "cost", "note"])
_TABLES = st.dictionaries(_NAMES, _COLUMNS).map(lambda columns: contract(**columns))


@given(_TABLES)
def test_contract_has_no_changes_to_itself(table):
    assert judged(table, table.model_copy(deep=True)) == []


@given(_TABLES, _COLUMNS)
def test_optional_column_is_always_compatible_and_its_removal_breaking(table, column):
    grown = table.model_copy(deep=True)
    (added,) = contract(new=column | {"required": False, "primaryKey": False}).schema_[0].properties
    grown.schema_[0].properties.append(added)
    assert judged(table, grown) == [("new", "optional column added", "compatible")]
    assert judged(grown, table) == [("new", "column removed", "breaking")]


@given(_TABLES, _TABLES)
def test_no_difference_is_compatible_both_ways(one, other):
    """What is a stronger promise forwards is a weaker one backwards."""
    there, back = (changes({TABLE: a}, {TABLE: b}) for a, b in ((one, other), (other, one)))
    assert bool(there) == bool(back)
    if there:
        assert any(change.breaking for change in (*there, *back))


@given(_TYPES, _TYPES)
def test_widening_backwards_is_narrowing(one, other):
    there, back = (judged(contract(a=typed(x)), contract(a=typed(y))) for x, y in ((one, other), (other, one)))
    if there == [("a", "type widened", "compatible")]:
        assert back == [("a", "type narrowed", "breaking")]
