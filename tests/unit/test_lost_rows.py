"""What is said of raw files whose rows bronze has lost."""

from contract.tables import TABLES
from jobs.lost_rows import notes
from lake.register import FileEntry, Register

TABLE = TABLES["bronze.customers"]


def _entry(path, batch, uri="", checksum="x"):
    return FileEntry(path, "customers", checksum=f"{checksum}{batch}", uri=uri, batch=batch)


def test_newest_content_of_a_file_is_ingested_again_and_an_older_one_is_not():
    old, new, other = (
        _entry("a.csv", 1, "/raw/a.csv"),
        _entry("a.csv", 3, "/raw/a.csv"),
        _entry("b.csv", 2, "/raw/b.csv"),
    )
    again, gone = notes(TABLE, [old, other], Register([old, other, new]))
    assert "The next run ingests these files again" in again
    assert again.endswith(": b.csv (batch 2)")
    assert "gone for good" in gone
    assert gone.endswith(": a.csv (batch 1)")


def test_of_two_lost_contents_of_a_file_one_is_ingested_again():
    old, new = _entry("a.csv", 1, "/raw/a.csv"), _entry("a.csv", 3)
    again, gone = notes(TABLE, [old, new], Register([old, new]))
    assert again.endswith("a.csv (batch 3)"), "a rebuilt entry has no address"
    assert gone.endswith("a.csv (batch 1)")


def test_files_of_one_path_at_two_addresses_are_two_files():
    here, there = _entry("a.csv", 1, "/raw/a.csv"), _entry("a.csv", 2, "/more/a.csv")
    (again,) = notes(TABLE, [here, there], Register([here, there]))
    assert again.endswith("a.csv (batch 1), a.csv (batch 2)")
