"""What the operator sends: column groups, feeds, and how a file's headers determine its feed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from contract.columns import COLUMNS, EVENT_TIME, KEY, OTHER_ALIASES, Column, columns_in


@dataclass(frozen=True)
class Group:
    """Columns whose values change together: all come from one record, that of the newest event time.

    A file has all required columns of a part of the record or none of them, so they are one group. It may lack any
    optional column, and absent does not mean empty, so each of these is a group by itself.
    """

    name: str
    declared: tuple[Column, ...]

    @property
    def required(self) -> bool:
        """Return whether a customer cannot reach gold without it."""
        return self.declared[0].required

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of the group's columns."""
        return tuple(column.name for column in self.declared)

    @property
    def event_column(self) -> str:
        """Return silver's column that holds the event time of this group's values."""
        return f"_{self.name}_at"


def _groups(part: str) -> tuple[Group, ...]:
    """The groups of the columns that are declared as one part of the record."""
    columns = columns_in(part)
    mandatory = tuple(column for column in columns if column.required)
    optional = tuple(Group(column.name, (column,)) for column in columns if not column.required)
    return (Group(part, mandatory), *optional) if mandatory else optional


PARTS = tuple(dict.fromkeys(column.part for column in COLUMNS))
GROUPS: tuple[Group, ...] = tuple(group for part in PARTS for group in _groups(part))
GROUP = {group.name: group for group in GROUPS}


@dataclass(frozen=True)
class Feed:
    """One kind of file: the parts of the record that it carries, and columns kept in bronze only."""

    name: str
    parts: tuple[str, ...]
    bronze_only: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[Group, ...]:
        """Return the groups that the feed carries."""
        return tuple(group for part in self.parts for group in _groups(part))

    @property
    def attributes(self) -> tuple[Column, ...]:
        """Return the declarations of the customer attributes that the feed carries."""
        return tuple(column for column in COLUMNS if column.part in self.parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return every column of the feed, in the order of its bronze table."""
        return (KEY, EVENT_TIME, *(column.name for column in self.attributes), *self.bronze_only)

    @property
    def required(self) -> tuple[str, ...]:
        """Return the columns without which a file is not of this feed."""
        return (KEY, *(column.name for column in self.attributes if column.required))

    @property
    def optional(self) -> tuple[str, ...]:
        """Return the columns that a file of this feed may lack."""
        return (EVENT_TIME, *(column.name for column in self.attributes if not column.required))


WHOLE_RECORDS = "customers"
FEEDS: dict[str, Feed] = {
    feed.name: feed
    for feed in (
        Feed(
            WHOLE_RECORDS,
            ("demographics", "location", "services", "billing", "assessment"),
            ("churn_value", "record_count", "lat_long"),
        ),
        Feed("demographics", ("demographics", "location"), ("lat_long",)),
        Feed("services", ("services",)),
        Feed("billing", ("billing", "assessment"), ("churn_value",)),
    )
}


def normalize_header(text: str) -> str:
    """Return lower-case letters and digits only, so that `Tenure Months` equals `tenure_months`."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


_ALIASES = {**OTHER_ALIASES, **{column.name: column.aliases for column in COLUMNS}}
_COLUMN_BY_HEADER: dict[str, str] = {
    normalize_header(spelling): column for column, aliases in _ALIASES.items() for spelling in (column, *aliases)
}


def column_for_header(header: str) -> str | None:
    """Return the column that a header means, None for one that is not in the contract."""
    return _COLUMN_BY_HEADER.get(normalize_header(header))


def missing_columns(feed: Feed, headers: Iterable[str]) -> tuple[str, ...]:
    """Return the required columns of `feed` that `headers` do not give."""
    found = {column_for_header(header) for header in headers}
    if "churn_value" in found and "churn_value" in feed.columns:
        found.add("churn")
    return tuple(column for column in feed.required if column not in found)


def match_feed(headers: Iterable[str], folder: str | None = None) -> Feed | None:
    """Return the feed whose required columns are all in `headers`, None where there is none.

    A folder named after a feed decides. Otherwise a feed must also have every column
    that the contract knows: a whole record without its contract must not be taken for services.
    """
    names = list(headers)
    candidates = [FEEDS[folder]] if folder in FEEDS else [f for f in FEEDS.values() if not _foreign_columns(f, names)]
    fitting = [feed for feed in candidates if not missing_columns(feed, names)]
    return max(fitting, key=lambda feed: len(feed.required), default=None)


def closest_feed(headers: Iterable[str], folder: str | None = None) -> Feed:
    """Return the feed that `headers` are closest to: the one that an error message talks about."""
    names = list(headers)
    if folder in FEEDS:
        return FEEDS[folder]

    def distance(feed: Feed) -> tuple[int, float]:
        """Return foreign columns, then the share of missing ones."""
        return len(_foreign_columns(feed, names)), len(missing_columns(feed, names)) / len(feed.required)

    return min(FEEDS.values(), key=distance)


def _foreign_columns(feed: Feed, headers: Iterable[str]) -> set[str]:
    """Return columns of the contract that are not of this feed."""
    return {column for header in headers if (column := column_for_header(header)) and column not in feed.columns}
