"""Write docs/data_dictionary.md from the declared tables."""

from pathlib import Path

from contract.lineage import DERIVATIONS, Derivation
from contract.schema import Field
from contract.tables import TABLES, Table

TARGET = Path(__file__).resolve().parent.parent / "docs" / "data_dictionary.md"


def render() -> str:
    """Return the dictionary as Markdown."""
    parts = ["# Data dictionary\n\nGenerated from `contract/tables.py` by `make docs`.\n"]
    for table in TABLES.values():
        key = f" Key: {', '.join(table.key)}." if table.key else ""
        meaning = f"{table.meaning} " if table.meaning else ""
        parts.append(f"\n## {table.name}\n\n{meaning}Reads {', '.join(table.reads)}; written by {table.mode}.{key}\n")
        parts += _with_sources(table) if table.layer == "gold" else _plain(table)
    return "".join(parts)


def _plain(table: Table) -> list[str]:
    return ["\n| column | type | meaning |\n|---|---|---|\n", *(f"{_row(field)}\n" for field in table.schema)]


def _with_sources(table: Table) -> list[str]:
    """With what each column is computed from: columns of the table that is read, or of this one."""
    known = DERIVATIONS[table.name]
    rows = (f"{_row(field)} {_source(known[field.name])} |\n" for field in table.schema)
    return ["\n| column | type | meaning | from |\n|---|---|---|---|\n", *rows]


def _row(field: Field) -> str:
    return f"| {field.name} | {field.type} | {field.comment} |"


def _source(found: Derivation) -> str:
    names = sorted(source.column for source in found.uses)
    return ", ".join([*names, found.given] if found.given else names)
