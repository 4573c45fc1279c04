"""Which commits of a merged table are emptied with damaged ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.table_repair import followers

CASES = {
    "no checkpoint": ([3], range(6), -1, [4, 5]),
    "before the checkpoint": ([5], range(26), 20, []),
    "the checkpoint's own": ([20], range(26), 20, []),
    "on both sides of the checkpoint": ([5, 22], range(26), 20, [23, 24, 25]),
    "several after it": ([22, 24], range(26), 20, [23, 25]),
    "the last": ([25], range(26), 20, []),
    "lost ones": ([22, 23], [*range(22), 24], 20, [24]),
}


@pytest.mark.parametrize("case", CASES)
def test_commits_after_the_first_damage_that_counts_follow_it(case):
    damaged, commits, checkpoint, expected = CASES[case]
    assert followers(damaged, commits, checkpoint) == expected


@given(st.sets(st.integers(0, 30), min_size=1), st.integers(-1, 30))
def test_no_commit_that_is_kept_builds_on_a_damaged_one(damaged, checkpoint):
    commits = range(31)
    kept = set(commits) - damaged - set(followers(sorted(damaged), commits, checkpoint))
    assert not [(lost, version) for version in kept for lost in damaged if checkpoint < lost < version]
    assert kept >= {version for version in commits if version <= checkpoint} - damaged
