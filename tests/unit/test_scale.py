"""What follows the size of the input and of the cluster."""

import pytest

from jobs.export import export_files
from jobs.session import shuffle_partitions

MB = 1024 * 1024


@pytest.mark.parametrize(
    ("megabytes", "cores", "partitions"),
    [(40, 2, 16), (40, 40, 80), (1_000, 2, 32), (100_000, 40, 3125), (0, 1, 16)],
)
def test_partitions_follow_input_and_cores(megabytes, cores, partitions):
    assert shuffle_partitions(megabytes * MB, cores) == partitions


@pytest.mark.parametrize(("megabytes", "files"), [(0, 1), (31, 1), (32, 4), (512, 4), (513, 5), (12_800, 100)])
def test_exported_files_have_about_128_mb(megabytes, files):
    assert export_files(megabytes * MB) == files
