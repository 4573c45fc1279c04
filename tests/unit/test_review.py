"""Months of the business review."""

from transforms.review import Month


def test_a_month_counts_back_over_years():
    assert [str(Month.parse("2026-02").before(n)) for n in (0, 1, 2, 13, -11)] == [
        "2026-02", "2026-01", "2025-12", "2025-01", "2027-01",
    ]  # fmt: skip
