"""`churn generate`."""

from pathlib import Path

import typer

from sample_data.faults import usual_faults
from sample_data.generator import LAYOUTS, generate


def generate_files(
    customers: int, days: int, out: Path, seed: int, layout: str, faults: int | None, *, compress: bool
) -> None:
    """Write sample data and print what was written. Raises RawPathError."""
    if layout not in LAYOUTS:
        raise typer.BadParameter(f"{layout!r} must be one of {', '.join(LAYOUTS)}", param_hint="--layout")
    planted = usual_faults(customers) if faults is None else faults
    files = generate(customers, days, out, seed=seed, layout=layout, faults=planted, compress=compress)
    size = sum(file.stat().st_size for file in files) / 1e6
    print(f"{len(files)} files, {size:,.1f} MB, below {out}")
    print(f"Next: churn run --raw {out}")
