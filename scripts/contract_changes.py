"""What changed between two data contracts, and what breaks a reader: a query, a Tableau workbook, a copy in Redshift.

Readers name their columns, so what is added disturbs nobody, and a stronger promise (never null, tighter bounds) neither.
A promise that becomes weaker breaks whoever relied on it, most of all where no error says so. What a contract does not
state promises nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard as Contract
from open_data_contract_standard.model import SchemaObject, SchemaProperty, ServiceLevelAgreementProperty

from scripts.data_contract import MAY_GROW, REDSHIFT_TYPE, UNIT, VALID_VALUES

RENAMED = "column renamed"
_WIDENING = (("int", "bigint"), ("float", "double"))
_LONGER_IS_BETTER = {"retention": True, "latency": False}
_MORE = "more is promised than before"


@dataclass(frozen=True)
class Change:
    """One change of a table, or of a `column` of it; `before` and `after` as text, empty for what was not there.

    `breaking` says whether a reader may have to change something, `why` what happens to one.
    """

    table: str
    column: str
    kind: str
    before: str
    after: str
    breaking: bool
    why: str

    @property
    def verdict(self) -> str:
        """Return `breaking` or `compatible`."""
        return "breaking" if self.breaking else "compatible"

    def sentence(self) -> str:
        """Return the change and the reason of its verdict in one line."""
        subject = f"{self.table}.{self.column}" if self.column else self.table
        states = " -> ".join(state for state in (self.before, self.after) if state)
        return f"{subject}: {self.kind}{f' ({states})' if states else ''}: {self.verdict}, {self.why}"


# Makes a change of one place, of: kind, before, after, breaking, why.
_Make = Callable[[str, str, str, bool, str], Change]


def changes(
    before: Mapping[str, Contract],
    after: Mapping[str, Contract],
    renamed: Mapping[tuple[str, str], str] | None = None,
) -> list[Change]:
    """Return what changed between the contracts of two releases, by table.

    `renamed` gives the new name of a column by table and old name. Without it, a renamed column is a removed one and an
    added one: contracts do not tell the difference.
    """
    found: list[Change] = []
    for name in {**before, **after}:
        change = partial(Change, name, "")
        if name not in after:
            found.append(change("table removed", "", "", True, "queries of it fail"))
        elif name not in before:
            found.append(change("table added", "", "", False, "nobody reads it yet"))
        else:
            names = {old: new for (table, old), new in (renamed or {}).items() if table == name}
            found += _promises(change, before[name], after[name])
            found += _table(name, _columns(before[name]), _columns(after[name]), names)
    return found


def _table(
    name: str, old: Mapping[str, SchemaProperty], new: Mapping[str, SchemaProperty], renamed: Mapping[str, str]
) -> Iterator[Change]:
    kept = {column: column if column in new else renamed.get(column, column) for column in old}
    yield from _key(partial(Change, name, ""), old, new, kept)
    for column, now in kept.items():
        change = partial(Change, name, column)
        if now not in new:
            why = "queries of it fail; a column that has another name now can be declared as renamed"
            yield change("column removed", old[column].physicalType or "", "", True, why)
            continue
        if now != column:
            yield change(RENAMED, column, now, True, "queries of the old name fail")
        yield from _column(change, old[column], new[now])
    for column in new:
        if column not in kept.values():
            kind = "required column added" if new[column].required else "optional column added"
            yield Change(name, column, kind, "", new[column].physicalType or "", False, "readers name their columns")


def _columns(contract: Contract) -> dict[str, SchemaProperty]:
    tables: list[SchemaObject] = contract.schema_ or []
    return {column.name or "": column for table in tables for column in table.properties or ()}


def _promises(change: _Make, before: Contract, after: Contract) -> Iterator[Change]:
    old, new = ({p.property: p for p in contract.slaProperties or ()} for contract in (before, after))
    for name, longer_is_better in _LONGER_IS_BETTER.items():
        was, now = _promise(old.get(name)), _promise(new.get(name))
        if was != now:
            same_unit = was and now and was[1] == now[1]
            stronger = not was or (same_unit and (now[0] > was[0]) == longer_is_better)
            why = _MORE if stronger else "what readers rely on is not promised any more"
            yield change(f"{name} changed", _text(was), _text(now), not stronger, why)


def _promise(promise: ServiceLevelAgreementProperty | None) -> tuple[Any, ...]:
    return (promise.value, promise.unit) if promise else ()


def _key(
    change: _Make, old: Mapping[str, SchemaProperty], new: Mapping[str, SchemaProperty], kept: Mapping[str, str]
) -> Iterator[Change]:
    was = sorted(kept[name] for name, column in old.items() if column.primaryKey)
    now = sorted(name for name, column in new.items() if column.primaryKey)
    if was != now:
        why = "joins on the old key double or lose rows" if was else _MORE
        yield change("key changed", ", ".join(was), ", ".join(now), bool(was), why)


def _column(change: _Make, old: SchemaProperty, new: SchemaProperty) -> Iterator[Change]:
    yield from _types(change, old, new)
    if old.required and not new.required:
        yield change("may be null", "required", "optional", True, "counts, joins and NOT IN lose rows")
    if new.required and not old.required:
        yield change("never null", "optional", "required", False, _MORE)
    yield from _values(change, old, new)
    yield from _bounds(change, old, new)
    was, now = _text(_custom(old, UNIT)), _text(_custom(new, UNIT))
    if was != now:
        why = "figures are off by a factor, without an error" if was else _MORE
        yield change("unit changed", was, now, bool(was), why)
    was, now = _words(old.description), _words(new.description)
    if was.lower() != now.lower():
        why = (
            "a new meaning, which nothing tells from new words, gives other figures without an error" if was else _MORE
        )
        yield change("description changed", was, now, bool(was), why)


def _types(change: _Make, old: SchemaProperty, new: SchemaProperty) -> Iterator[Change]:
    was, now = old.physicalType or "", new.physicalType or ""
    if was == now:  # a change of both is one change
        was, now = (str(_custom(column, REDSHIFT_TYPE) or "").lower() for column in (old, new))
    if was and was != now:
        kind, why = _type_change(was, now)
        yield change(f"type {kind}", was, now, kind != "widened", why)


def _type_change(was: str, now: str) -> tuple[str, str]:
    """How a type changed, and what that does to a reader."""
    narrowed = "narrowed", "values that no longer fit are lost, and sums and products overflow earlier"
    widened = "widened", "every value is still one of the old type's family"
    (name, *old), (other, *new) = _type_parts(was), _type_parts(now)
    if (was, now) in _WIDENING:
        return widened
    if (now, was) in _WIDENING:
        return narrowed
    if name != other or not old or len(old) != len(new):
        return "changed", "comparisons, arithmetic and fields of a workbook are those of another type"
    if name == "decimal":  # what counts is the digits on both sides of the point
        old, new = [old[0] - old[1], old[1]], [new[0] - new[1], new[1]]
    return narrowed if any(b < a for a, b in zip(old, new, strict=True)) else widened


def _type_parts(text: str) -> tuple[Any, ...]:
    """Name and sizes: decimal, 10, 2 of `decimal(10,2)`."""
    sized = re.fullmatch(r"(\w+)\(([\d,]+)\)", text)
    return (sized[1], *(int(size) for size in sized[2].split(","))) if sized else (text,)


def _values(change: _Make, old: SchemaProperty, new: SchemaProperty) -> Iterator[Change]:
    was, now = _valid_values(old), _valid_values(new)
    if was is None:
        if now is not None:
            yield change("values listed", "", _text(now), False, _MORE)
        return
    if now is None:
        yield change("values no longer listed", _text(was), "", True, "any value may come")
        return
    if removed := [value for value in was if value not in now]:
        yield change("values removed", _text(removed), "", True, "filters on them find nothing, without an error")
    if added := [value for value in now if value not in was]:
        grows = bool(_custom(old, MAY_GROW))
        why = "readers select rows by them" if grows else "queries that list values leave rows out, without an error"
        yield change("values added", "", _text(added), not grows, why)


def _bounds(change: _Make, old: SchemaProperty, new: SchemaProperty) -> Iterator[Change]:
    limits = [[(column.logicalTypeOptions or {}).get(side) for side in ("minimum", "maximum")] for column in (old, new)]
    (low, high), (new_low, new_high) = limits
    if (low, high) == (new_low, new_high):
        return
    wider = (low is not None and (new_low is None or new_low < low)) or (
        high is not None and (new_high is None or new_high > high)
    )
    kind, why = ("widened", "values come that readers left no room for") if wider else ("tightened", _MORE)
    yield change(f"bounds {kind}", _range(low, high), _range(new_low, new_high), wider, why)


def _custom(column: SchemaProperty, name: str) -> object:
    return next((custom.value for custom in column.customProperties or () if custom.property == name), None)


def _valid_values(column: SchemaProperty) -> list[Any] | None:
    rules = (rule.arguments or {} for rule in column.quality or ())
    return next((arguments[VALID_VALUES] for arguments in rules if VALID_VALUES in arguments), None)


def _range(low: object, high: object) -> str:
    return f"{'' if low is None else low}..{'' if high is None else high}" if (low, high) != (None, None) else ""


def _text(value: object) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)


def _words(text: str | None) -> str:
    return " ".join((text or "").split())
