"""Time the whole pipeline against the bare script, side by side, and write docs/performance.md.

make bench                   7,043 and 1,000,000 customers; about 10 minutes and 4 GB of disk
python -m benchmarks.pipeline --customers 100000 --rounds 1 --no-write
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from sample_data.generator import generate

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE, LARGE = 7_043, 1_000_000
_PAGE = PROJECT / "docs" / "performance.md"


@dataclass(frozen=True)
class Timing:
    """Wall seconds of each round, and the largest sum of resident memory, in MB."""

    seconds: list[float]
    peak_mb: int

    @property
    def median(self) -> float:
        """Return the median of the rounds, in seconds."""
        return statistics.median(self.seconds)


class Bench:
    """Runs commands in a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "CHURN_HOME": str(folder / "state"),
            "CHURN_PREFECT_PORT": "14200",
            "CHURN_WAREHOUSE_PORT": "15439",
        }

    def churn(self, *arguments: str) -> tuple[float, int]:
        """Run a `churn` command; return its seconds and peak memory in MB. Raises SystemExit when it fails."""
        return self._timed([sys.executable, "-m", "cli", *arguments])

    def bare(self, source: Path) -> tuple[float, int]:
        """Run the bare script on a CSV; return its seconds and peak memory in MB. Raises SystemExit when it fails."""
        script = str(PROJECT / "benchmarks" / "bare_script.py")
        return self._timed([sys.executable, script, str(source), str(self.folder / "bare")])

    def pipeline(self, raw: Path, lake: str, *, keep_servers: bool, keep_lake: bool = False) -> tuple[float, int]:
        """Run the pipeline on raw files; return its seconds and peak memory in MB. Raises SystemExit when it fails."""
        if not keep_servers:
            self.churn("down")
        if not keep_lake:
            shutil.rmtree(self.folder / lake, ignore_errors=True)
        return self.churn("run", "--raw", str(raw), "--lake", str(self.folder / lake))

    def _timed(self, command: list[str]) -> tuple[float, int]:
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=PROJECT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        peak = [0]
        watcher = threading.Thread(target=_watch, args=(process.pid, peak))
        watcher.start()
        output, _ = process.communicate()
        seconds = time.monotonic() - began
        watcher.join()
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{output[-2000:]}")
        return seconds, peak[0]


def _watch(pid: int, peak: list[int]) -> None:
    """Sum of the resident memory of a process and its children, five times a second."""
    while True:
        try:
            root = psutil.Process(pid)
            if root.status() == psutil.STATUS_ZOMBIE:
                return
            family = [root, *root.children(recursive=True)]
            peak[0] = max(peak[0], sum(p.memory_info().rss for p in family) >> 20)
        except psutil.NoSuchProcess:
            if not psutil.pid_exists(pid):
                return
        time.sleep(0.2)


def _alternate(rounds: int, **runs: Callable[[], tuple[float, int]]) -> dict[str, Timing]:
    """Run everything in turn, so that other load on the machine affects all alike."""
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
            print(f"round {number + 1} of {rounds}: {name} {found[name][-1][0]:.1f} s", file=sys.stderr)
    return {name: Timing([s for s, _ in timed], max(m for _, m in timed)) for name, timed in found.items()}


Measured = tuple[list[tuple[str, Timing, float, str]], dict[str, int]]


def measure(folder: Path, customers: int, rounds: int) -> Measured:
    """Return the rows of the table (what ran, its timing, the ratio, and to what), and the bytes of each stage of a full load."""
    bench = Bench(folder)
    small, large, days = folder / "small", folder / "large", folder / "days"
    generate(SAMPLE, 1, small, seed=7, layout="flat33")
    generate(customers, 2, days, seed=7, layout="flat33")
    first, second = sorted(days.glob("customers/*"))
    shutil.copytree(first, large / "customers" / first.name)
    small_csv, large_csv = next(small.rglob("*.csv")), next(large.rglob("*.csv"))
    bench.pipeline(small, "lake", keep_servers=False)  # jars, compiled files, class archives
    sample = _alternate(
        rounds,
        bare=lambda: bench.bare(small_csv),
        warm=lambda: bench.pipeline(small, "lake", keep_servers=True),
        cold=lambda: bench.pipeline(small, "lake", keep_servers=False),
    )
    many = _alternate(
        1,
        bare=lambda: bench.bare(large_csv),
        full=lambda: bench.pipeline(large, "large-lake", keep_servers=True),
    )
    stages = {"raw file": large_csv.stat().st_size} | _bytes_of_tables(folder / "large-lake")
    shutil.copytree(second, large / "customers" / second.name)
    day = _alternate(1, day=lambda: bench.pipeline(large, "large-lake", keep_servers=True, keep_lake=True))
    bench.churn("down")
    size = f"{customers:,} customers"
    timings = [
        (f"bare script, {SAMPLE:,} customers", sample["bare"], 1.0, "itself"),
        (
            "the pipeline, Prefect's server running",
            sample["warm"],
            sample["warm"].median / sample["bare"].median,
            "bare",
        ),
        ("the pipeline, servers to start", sample["cold"], sample["cold"].median / sample["bare"].median, "bare"),
        (f"bare script, {size}", many["bare"], 1.0, "itself"),
        (f"the pipeline, {size}", many["full"], many["full"].median / many["bare"].median, "bare"),
        ("a following day, 1 % changed", day["day"], day["day"].median / many["full"].median, "full load"),
    ]
    return timings, stages


def _bytes_of_tables(lake: Path) -> dict[str, int]:
    """Bytes on disk of every table of the lake, and of the export for the warehouse; the largest first."""
    places = [log.parent for log in lake.glob("*/*/_delta_log")] + [lake / "_exports"]
    sizes = {str(place.relative_to(lake)): _bytes_below(place) for place in places if place.exists()}
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def page(measured: Measured, customers: int, explanation: str) -> str:
    """Return docs/performance.md: the measured tables above, the hand-written part below."""
    rows, stages = measured
    lines = [
        "# Performance",
        "",
        "Written by `make bench`: everything in one run, side by side, in new processes. Seconds differ from",
        "machine to machine; compare the ratios.",
        "",
        f"{os.cpu_count()} cores, {psutil.virtual_memory().total >> 30} GB.",
        "",
        "| run | seconds (median) | all rounds | ratio | to | peak memory, MB |",
        "|---|---|---|---|---|---|",
    ]
    for name, timing, ratio, base in rows:
        rounds = " ".join(f"{s:.1f}" for s in timing.seconds)
        lines.append(f"| {name} | {timing.median:.1f} | {rounds} | {ratio:.2f} | {base} | {timing.peak_mb:,} |")
    lines += [
        "",
        f"Where the bytes are after the full load of {customers:,} customers (Parquet, packed; the raw file is a CSV):",
        "",
        "| stage | MB |",
        "|---|---|",
        *(f"| {stage} | {size / 1e6:,.1f} |" for stage, size in stages.items()),
    ]
    return "\n".join(lines) + "\n\n" + explanation


def _explanation() -> str:
    """The part of the page that is written by hand stays as it is."""
    text = _PAGE.read_text(encoding="utf-8") if _PAGE.exists() else ""
    return text[text.index("## ") :] if "## " in text else ""


def main() -> None:
    """Measure, print, and write the page unless --no-write is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=LARGE)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), options.customers, options.rounds)
        text = page(measured, options.customers, _explanation())
    print(text)
    if not options.no_write:
        _PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
