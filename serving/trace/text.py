"""A trace as text: consumers first, records last, every line short enough or continued below its beginning."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from contract.columns import KEY
from lake.deliveries import Delivery
from lake.names import printable
from serving.trace.customer import InWarehouse, Trace
from serving.trace.origins import Fate, Origin, Outcome
from serving.trace.records import Record
from serving.trace.rows import Row

_LABEL = 11
_INDENT = 2
_HANGING = 6
_NOWHERE = "no record of bronze"
_OF_GROUPS: dict[Outcome, str] = {
    "contributes": "contributes {groups}",
    "deletes": "deletes {groups}",
    "superseded": "{groups} superseded by {by}",
    "deleted": "{groups} deleted by {by}",
    "unclear": "{groups} unclear: newer than in silver, or of a time that cannot be compared here; if a run has failed: churn run",
}
_OF_RECORD: dict[Outcome, str] = {
    "before-image": "image before a change, counts for nothing",
    "quarantined": "quarantined: {reasons}",
    "left out": "left out: its file is {state}",
    "pending": "not in silver yet: churn run",
    "unclear": "has no value",
}


def text_lines(found: Trace, width: int) -> list[str]:
    """Return the lines of a trace, of at most `width` characters."""
    states = {delivery.key: delivery.state for delivery in found.deliveries}
    told = zip(found.records, found.fates, strict=True)
    gone = zip(found.tombstones, found.deleted_by, strict=True)
    parts = {
        "Values of silver": _origins(found.origins),
        "Records of bronze": (_record(record, fate, states.get(record.delivery, "")) for record, fate in told),
        "Tombstones": (_tombstone(row, numbers) for row, numbers in gone),
        "Quarantined": (_quarantined(row, found.records) for row in found.quarantined),
        "Quarantined without a readable id, with this one somewhere in the record": map(
            _quarantined, found.unidentified
        ),
        "Files that are held or decided on": map(_delivery, found.deliveries),
    }
    lines = [f"Customer {printable(found.customer_id)}"]
    for label, text in _consumers(found):
        lines += _wrapped(f"{label:{_LABEL}}{text}", width, 0, _LABEL)
    for title, texts in parts.items():
        wrapped = [line for text in texts for line in _wrapped(text, width, _INDENT, _HANGING)]
        lines += ["", title, *wrapped] if wrapped else []
    return lines


def _wrapped(text: str, width: int, first: int, others: int) -> list[str]:
    indents = {"initial_indent": " " * first, "subsequent_indent": " " * others}
    return textwrap.wrap(text, max(width, 40), break_on_hyphens=False, **indents)  # type: ignore[arg-type]


def _consumers(found: Trace) -> Iterator[tuple[str, str]]:
    yield "Warehouse", _warehouse(found.warehouse, is_in_gold=found.gold is not None)
    yield "Gold", _gold(found)
    for row in found.movements:
        yield "Movement", _movement(row)
    silver = found.silver
    complete = "complete" if silver and silver["is_complete"] else "not complete"
    yield "Silver", f"{complete}, newest batch {silver['_batch_id']}" if silver else "not there"
    for note in found.notes:
        yield "Note", note


def _warehouse(found: InWarehouse, *, is_in_gold: bool) -> str:
    if found.state == "not asked":
        return f"{found.state}: {found.note}" if found.note else found.state
    if found.state == "not there":
        return "not there, but in gold" if is_in_gold else "not there"
    if not is_in_gold:
        return f"there, but not in gold: {_row(found.row)}"
    return f"there, not as in gold: {_differing(found)}" if found.differs else "there, as in gold"


def _differing(found: InWarehouse) -> str:
    return _pairs({name: found.row[name] for name in found.differs})


def _row(row: Row | None) -> str:
    return _pairs({name: value for name, value in row.items() if name != KEY}) if row else "not there"


def _gold(found: Trace) -> str:
    """What gold adds to silver's values, or all of it where they differ."""
    gold, silver = found.gold, found.silver or {}
    carried = {name for name, value in (gold or {}).items() if name in silver and silver[name] == value}
    return _row(gold and {name: value for name, value in gold.items() if name not in carried})


def _movement(row: Row) -> str:
    before, after = (_states(row, f"{side}_segment", f"{was}_churned") for side, was in (("from", "was"), ("to", "is")))
    risk = ", newly at risk" if row["newly_at_risk"] else ""
    return (
        f"{row['moved_on']}: from {before or 'nothing'} to {after or 'nothing'}{risk} (version {row['source_version']})"
    )


def _states(row: Row, segment: str, churned: str) -> str:
    if row[segment] is None:
        return ""
    return f"{row[segment]}{', churned' if row[churned] else ''}"


def _origins(origins: Sequence[Origin]) -> Iterator[str]:
    """A line for every group that has values, then one for those that the same records have deleted."""
    deleted: dict[str, list[str]] = {}
    for origin in origins:
        log = f" at {_short(origin.place_in_log)}" if origin.place_in_log else ""
        came = f"{_moment(origin.event_at)}{log}  {_numbers(origin.records) or _NOWHERE}"
        if origin.is_deleted:
            deleted.setdefault(came, []).append(origin.group)
        else:
            yield f"{origin.group:19} {came:24} {_group_values(origin)}"
    for came, groups in deleted.items():
        yield f"{'deleted':19} {came:24} {', '.join(groups)}"


def _group_values(origin: Origin) -> str:
    """The values of a group; one that is named as its only column does not say the name twice."""
    is_column = list(origin.values) == [origin.group]
    return _value(origin.values[origin.group]) if is_column else _pairs(origin.values)


def _record(record: Record, fate: Fate, state: str) -> str:
    place = "" if record.position is None else f", record {record.position:,}"
    if record.event_at is None:
        at = f"time as received {record.values.get('updated_at', '')!r}"
    else:
        at = f"{_moment(record.event_at)} (of the {record.event_from})"
    change = "".join(f", {text}" for text in (record.operation, record.sequence and f"at {record.sequence}") if text)
    head = f"#{record.number:<3} {record.feed}, batch {record.batch}, {printable(record.file)}{place}, {at}{change}"
    return f"{head}: {'; '.join(_outcomes(record, fate, state))}"


def _outcomes(record: Record, fate: Fate, state: str) -> Iterator[str]:
    """What became of the record: of its groups, those together that have the same outcome by the same records."""
    if not fate.groups:
        reasons = "; ".join(record.reasons) + (f"; its file is {state}" if state else "")
        yield _OF_RECORD[fate.outcome].format(reasons=reasons, state=state)
    together: dict[tuple[Outcome, tuple[int, ...]], list[str]] = {}
    for group, outcome in fate.groups.items():
        together.setdefault((outcome, fate.by.get(group, ())), []).append(group)
    for (outcome, by), groups in sorted(together.items(), key=lambda item: item[0][0] != fate.outcome):
        named = "all of it" if len(together) == 1 else ", ".join(groups)
        yield _OF_GROUPS[outcome].format(groups=named, by=_numbers(by) or _NOWHERE)


def _tombstone(row: Row, numbers: Sequence[int]) -> str:
    place = f" at {_short(row['sequence'])}" if row["sequence"] else ""
    came = f" by {_numbers(numbers)}" if numbers else ""
    return f"{row['feed']} deleted{came}, {_moment(row['deleted_at'])}{place}, batch {row['_batch_id']}"


def _quarantined(row: Row, records: Sequence[Record] = ()) -> str:
    status = f"resolved by batch {row['resolved_by_batch']}" if row["status"] == "resolved" else row["status"]
    numbers = [record.number for record in records if record.record_id == row["record_id"]]
    place = f"{row['feed']}, batch {row['batch_id']}, {printable(row['source_file'])}: {'; '.join(row['reasons'])}"
    named = ", ".join(f"#{number}" for number in numbers)
    return f"{named or place}: {status} (record_id {row['record_id'][:12]})"


def _delivery(delivery: Delivery) -> str:
    why = f": {delivery.sentence()}" if delivery.state == "held" else ""
    return f"{delivery.state}: {printable(delivery.path)} of batch {delivery.batch}{why}"


def _numbers(numbers: Sequence[int]) -> str:
    return " or ".join(f"#{number}" for number in numbers)


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _moment(value) if isinstance(value, datetime) else printable(str(value))


def _moment(at: date) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _short(place_in_log: str) -> str:
    """A place in a log without the zeros with which its numbers are filled up to be compared."""
    number = place_in_log.partition("|")[0]
    return "/".join(part.lstrip("0") or "0" for part in number.split("/"))
