"""The lineage in the quality report: datasets as boxes with arrows, and where each column of gold comes from."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from contract.lineage import Given, givens, sources_of, trail
from contract.tables import RAW, TABLES
from serving.lineage.datasets import DATASETS, reads

_WIDTH, _BOX_WIDTH, _BOX_HEIGHT, _ROW_HEIGHT = 800, 170, 40, 74


@dataclass(frozen=True)
class Box:
    """A dataset: the kind or layer, its name there, and the place of its upper left corner and its middle in pixels."""

    layer: str
    name: str
    left: float
    top: float
    width: int = _BOX_WIDTH
    height: int = _BOX_HEIGHT

    @property
    def middle(self) -> float:
        """Return the x of the middle."""
        return self.left + self.width / 2

    def arrow_to(self, other: "Box") -> str:
        """Return the path of an SVG arrow from the lower edge to the upper edge of a box below."""
        x, to, begins, ends = self.middle, other.middle, self.top + self.height, other.top
        bend = (begins + ends) / 2
        line = f"M{x:.0f},{begins:.0f} C{x:.0f},{bend:.0f} {to:.0f},{bend:.0f} {to:.0f},{ends:.0f}"
        return f"{line} M{to - 4:.0f},{ends - 7:.0f} L{to:.0f},{ends:.0f} L{to + 4:.0f},{ends - 7:.0f}"


@dataclass(frozen=True)
class Picture:
    """Boxes and arrows, and the size of it all in pixels."""

    boxes: tuple[Box, ...]
    arrows: tuple[str, ...]
    width: int
    height: int


@dataclass(frozen=True)
class ColumnTrail:
    """A column of gold: what it means, and the columns that it goes back to, by dataset, the nearest first.

    Of the nearest ones those that only decide about the value are marked. `given` says what else it consists of.
    """

    name: str
    meaning: str
    steps: tuple[tuple[str, tuple[str, ...]], ...]
    given: tuple[Given, ...]


@cache
def picture() -> Picture:
    """Return the datasets of the pipeline from top to bottom: each below all that it is made from."""
    rows = defaultdict[int, list[str]](list)
    for dataset in DATASETS:
        rows[_depth(dataset)].append(dataset)
    boxes = {
        dataset: Box(*_label(dataset), _WIDTH * (place + 0.5) / len(row) - _BOX_WIDTH / 2, depth * _ROW_HEIGHT + 1)
        for depth, row in rows.items()
        for place, dataset in enumerate(row)
    }
    arrows = tuple(boxes[source].arrow_to(box) for dataset, box in boxes.items() for source in reads(dataset))
    return Picture(tuple(boxes.values()), arrows, _WIDTH, max(rows) * _ROW_HEIGHT + _BOX_HEIGHT + 2)


@cache
def gold_trails() -> dict[str, tuple[ColumnTrail, ...]]:
    """Return where every column of every table of gold comes from."""
    return {
        table.name: tuple(_trail(table.name, field.name, field.comment) for field in table.schema)
        for table in TABLES.values()
        if table.layer == "gold"
    }


def _depth(dataset: str) -> int:
    """How many steps a dataset is away from raw files."""
    return max((_depth(source) + 1 for source in reads(dataset)), default=0)


def _label(dataset: str) -> tuple[str, str]:
    layer, _, name = dataset.rpartition(".")
    return ("raw files" if layer == RAW else layer), name


def _trail(table: str, column: str, meaning: str) -> ColumnTrail:
    nearest = sources_of(table, column)
    steps = defaultdict[str, list[str]](list)
    for source in trail(table, column):
        is_condition = nearest.get(source) == "condition"
        steps[source.table].append(f"{source.column} (condition)" if is_condition else source.column)
    found = tuple(
        (" ".join(_label(name)) if name.startswith(RAW) else name, tuple(names)) for name, names in steps.items()
    )
    return ColumnTrail(column, meaning, found, tuple(sorted(givens(table, column))))
