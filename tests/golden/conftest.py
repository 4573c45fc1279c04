"""The operator's real files in a lake, loaded once."""

import pytest

from tests.support.pipeline import PipelineHarness


@pytest.fixture(scope="session")
def real_lake(spark, real_files, tmp_path_factory):
    """All three parts, brought to gold and exported."""
    pipeline = PipelineHarness(tmp_path_factory.mktemp("real"))
    pipeline.load(real_files[0].parent)
    pipeline.job("export")
    return pipeline
