"""Write docs/data_dictionary.md from the declared tables."""

from pathlib import Path

from contract.tables import TABLES

TARGET = Path(__file__).resolve().parent.parent / "docs" / "data_dictionary.md"


def render() -> str:
    """Return the dictionary as Markdown."""
    parts = ["# Data dictionary\n\nGenerated from `contract/tables.py` by `make docs`.\n"]
    for table in TABLES.values():
        key = f" Key: {', '.join(table.key)}." if table.key else ""
        meaning = f"{table.meaning} " if table.meaning else ""
        parts.append(f"\n## {table.name}\n\n{meaning}Reads {', '.join(table.reads)}; written by {table.mode}.{key}\n")
        parts.append("\n| column | type | meaning |\n|---|---|---|\n")
        parts += [f"| {f.name} | {f.type} | {f.comment} |\n" for f in table.schema]
    return "".join(parts)
