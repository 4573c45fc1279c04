"""What the operator sends: column groups, feeds and the spellings of their headers.

Plain Python, so that discovery and `churn status` need no Spark.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

KEY = "customer_id"
EVENT_TIME = "updated_at"


@dataclass(frozen=True)
class Group:
    """Columns that change together and are ordered by one event time.

    A group is `required` when a customer cannot reach gold without it. The columns
    of `optional` may be missing from a file that carries the group.
    """

    name: str
    columns: tuple[str, ...]
    required: bool = True
    optional: tuple[str, ...] = ()

    @property
    def mandatory(self) -> tuple[str, ...]:
        """The columns that a file must have to carry this group."""
        return tuple(c for c in self.columns if c not in self.optional)

    @property
    def event_column(self) -> str:
        """Silver's column that holds the event time of this group's values."""
        return f"_{self.name}_at"


GROUPS: tuple[Group, ...] = (
    Group("demographics", ("gender", "senior_citizen", "partner", "dependents")),
    Group(
        "location",
        ("country", "state", "city", "zip_code", "latitude", "longitude"),
        required=False,
        optional=("country", "state", "city", "zip_code", "latitude", "longitude"),
    ),
    Group(
        "services",
        (
            "phone_service",
            "multiple_lines",
            "internet_service",
            "online_security",
            "online_backup",
            "device_protection",
            "tech_support",
            "streaming_tv",
            "streaming_movies",
        ),
    ),
    Group(
        "billing",
        (
            "tenure_months",
            "contract",
            "paperless_billing",
            "payment_method",
            "monthly_charges",
            "total_charges",
            "churn",
        ),
    ),
    Group(
        "assessment",
        ("source_churn_score", "source_cltv", "churn_reason"),
        required=False,
        optional=("source_churn_score", "source_cltv", "churn_reason"),
    ),
)
GROUP = {group.name: group for group in GROUPS}


@dataclass(frozen=True)
class Feed:
    """One kind of file: the groups it carries, and columns kept in bronze only."""

    name: str
    group_names: tuple[str, ...]
    bronze_only: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(GROUP[name] for name in self.group_names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the feed, in the order of its bronze table."""
        grouped = tuple(column for group in self.groups for column in group.columns)
        return (KEY, EVENT_TIME, *grouped, *self.bronze_only)

    @property
    def required(self) -> tuple[str, ...]:
        """The columns without which a file is not of this feed."""
        return (KEY, *(column for group in self.groups for column in group.mandatory))


FEEDS: dict[str, Feed] = {
    feed.name: feed
    for feed in (
        Feed(
            "customers",
            ("demographics", "location", "services", "billing", "assessment"),
            ("churn_value", "record_count", "lat_long"),
        ),
        Feed("demographics", ("demographics", "location"), ("lat_long",)),
        Feed("services", ("services",)),
        Feed("billing", ("billing", "assessment"), ("churn_value",)),
    )
}

# Header spellings beyond a column's own name, compared by `fold`.
ALIASES: dict[str, tuple[str, ...]] = {
    EVENT_TIME: ("last_updated", "event_time", "event_at", "modified_at"),
    "gender": ("sex",),
    "senior_citizen": ("senior",),
    "zip_code": ("zip", "postal_code"),
    "tenure_months": ("tenure",),
    "monthly_charges": ("monthly_charge",),
    "total_charges": ("total_charge",),
    "streaming_tv": ("streaming_television",),
    "churn": ("churn_label",),
    "source_churn_score": ("churn_score",),
    "source_cltv": ("cltv",),
    "record_count": ("count",),
}


def fold(text: str) -> str:
    """Lower-case letters and digits only, so that `Tenure Months` meets `tenure_months`."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


_CANONICAL: dict[str, str] = {
    fold(spelling): column
    for feed in FEEDS.values()
    for column in feed.columns
    for spelling in (column, *ALIASES.get(column, ()))
}


def canonical(header: str) -> str | None:
    """The column that a header means, or None for one that we do not know."""
    return _CANONICAL.get(fold(header))


def missing_columns(feed: Feed, headers: Iterable[str]) -> tuple[str, ...]:
    """The required columns of `feed` that `headers` do not give."""
    found = {canonical(header) for header in headers}
    if "churn_value" in found and "churn_value" in feed.columns:
        found.add("churn")
    return tuple(column for column in feed.required if column not in found)


def match_feed(headers: Iterable[str], folder: str | None = None) -> Feed | None:
    """The feed whose required columns are all in `headers`.

    A folder named after a feed decides. Otherwise a feed must also have every column
    that we know: a whole record without its contract is no file of services.
    """
    names = list(headers)
    candidates = [FEEDS[folder]] if folder in FEEDS else [f for f in FEEDS.values() if not _foreign_columns(f, names)]
    fitting = [feed for feed in candidates if not missing_columns(feed, names)]
    return max(fitting, key=lambda feed: len(feed.required), default=None)


def nearest_feed(headers: Iterable[str], folder: str | None = None) -> Feed:
    """The feed that `headers` come closest to: the one an error message talks about."""
    names = list(headers)
    if folder in FEEDS:
        return FEEDS[folder]

    def distance(feed: Feed) -> tuple[int, float]:
        return len(_foreign_columns(feed, names)), len(missing_columns(feed, names)) / len(feed.required)

    return min(FEEDS.values(), key=distance)


def _foreign_columns(feed: Feed, headers: Iterable[str]) -> set[str]:
    """Columns that we know, but not from this feed."""
    return {column for header in headers if (column := canonical(header)) and column not in feed.columns}
