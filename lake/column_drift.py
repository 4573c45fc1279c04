"""Optional columns that earlier files of a feed had and a delivered one lacks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contract.feeds import FEEDS
from lake.manifests import Batch
from lake.register import FileEntry
from lake.results import Check

LOOK_BACK = 100
"""Batches that a column is remembered for; later on, files are no longer expected to have it."""


@dataclass(frozen=True)
class LostColumns:
    """Columns that `files` lack.

    The first such file came with batch `since` (`since_day`, ISO), `last_file` was the last one that had them.
    """

    columns: tuple[str, ...]
    files: tuple[str, ...]
    since: int
    since_day: str
    last_file: str

    def sentence(self) -> str:
        """Return what is missing where, since when, and what that means."""
        others = len(self.files) - 1
        more = f" and {others:,} more {'file' if others == 1 else 'files'}" if others else ""
        return (
            f"{', '.join(self.columns)}: not in {self.files[0]}{more}, since batch {self.since} of {self.since_day}; "
            f"last in {self.last_file}. What is known of the customers is kept"
        )


@dataclass(frozen=True)
class _Gap:
    """Where a column is missing from."""

    since: int
    since_day: str
    last_file: str


def lost_columns(batches: Iterable[Batch], after: int) -> list[LostColumns]:
    """Return what the files of batches with numbers > `after` lack; `batches` are manifests by ascending number.

    Files are compared with those of earlier batches: the files of one batch have no order.
    """
    last_file: dict[tuple[str, str], str] = {}
    gaps: dict[tuple[str, str], _Gap] = {}
    found: dict[_Gap, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for batch in batches:
        lacking, having = _optional_columns(batch.files)
        for place, files in lacking.items():
            if place in last_file:
                gap = gaps.setdefault(place, _Gap(batch.number, batch.started_at[:10], last_file[place]))
                if batch.number > after:
                    found[gap][place[1]] += files
        for place, file in having.items():
            last_file[place] = file
            gaps.pop(place, None)
    return [lost for gap, columns in found.items() for lost in _by_files(gap, columns)]


def _optional_columns(
    files: Iterable[FileEntry],
) -> tuple[dict[tuple[str, str], list[str]], dict[tuple[str, str], str]]:
    """The files that lack a column, and one that has it, by feed and column."""
    lacking: dict[tuple[str, str], list[str]] = defaultdict(list)
    having: dict[tuple[str, str], str] = {}
    for file in files:
        if file.lacks is None:
            continue
        for column in FEEDS[file.feed].optional:
            place = (file.feed, column)
            if column in file.lacks:
                lacking[place].append(file.path)
            else:
                having[place] = file.path
    return lacking, having


def _by_files(gap: _Gap, columns: Mapping[str, list[str]]) -> list[LostColumns]:
    """One entry for all columns that the same files lack."""
    by_files: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for column, files in columns.items():
        by_files[tuple(files)].append(column)
    return [
        LostColumns(tuple(names), files, gap.since, gap.since_day, gap.last_file) for files, names in by_files.items()
    ]


def drift_check(lost: Iterable[LostColumns]) -> Check:
    """Return the check that every file has the optional columns of earlier ones: a warning where one does not."""
    found = list(lost)
    return Check(
        expectation="files to have the optional columns of earlier files",
        subject=", ".join(dict.fromkeys(column for one in found for column in one.columns)) or "the batch",
        severity="warning",
        success=not found,
        observed="; ".join(one.sentence() for one in found) or "all there",
        examples=tuple(file for one in found for file in one.files)[:5],
    )
