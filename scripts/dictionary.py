"""Write docs/data_dictionary.md from the declared tables; --check says whether it is up to date."""

import sys
from pathlib import Path

from transforms.tables import TABLES

TARGET = Path(__file__).resolve().parent.parent / "docs" / "data_dictionary.md"


def render() -> str:
    """The dictionary as Markdown."""
    parts = ["# Data dictionary\n\nMade from `transforms/tables.py` by `python -m scripts.dictionary`.\n"]
    for table in TABLES.values():
        key = f" Key: {', '.join(table.key)}." if table.key else ""
        parts.append(f"\n## {table.name}\n\nReads {', '.join(table.reads)}; written by {table.mode}.{key}\n")
        parts.append("\n| column | type | meaning |\n|---|---|---|\n")
        parts += [f"| {f.name} | {f.dataType.simpleString()} | {f.metadata['comment']} |\n" for f in table.schema]
    return "".join(parts)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(TARGET.read_text(encoding="utf-8") != render())
    TARGET.write_text(render(), encoding="utf-8")
