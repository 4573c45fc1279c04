"""Raw files that arrived, as a folder's watcher or a queue reports them."""

from dataclasses import dataclass

from contract.feeds import WHOLE_RECORDS
from lake.raw_folder import folder_feed


@dataclass(frozen=True)
class RawFileEvent:
    """One raw file: its place, feed, size in bytes and etag or checksum."""

    key: str
    feed: str
    size: int
    etag: str


def feed_for_key(key: str) -> str:
    """Return the feed that a file's folders name; files of no feed's folder hold whole records."""
    return folder_feed(key) or WHOLE_RECORDS
