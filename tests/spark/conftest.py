import pytest
from pyspark.sql import SparkSession


@pytest.fixture(autouse=True)
def _no_snapshots_kept():
    """Delta keeps the snapshots of every table it has seen; those of other tests are not needed."""
    yield
    session = SparkSession.getActiveSession()
    if session is not None:
        session._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


@pytest.fixture(autouse=True)
def _nothing_persisted(request):
    """What a test persists does not burden the next one."""
    yield
    if "spark" in request.fixturenames:
        request.getfixturevalue("spark").catalog.clearCache()


@pytest.fixture(scope="session")
def history(spark, tmp_path_factory):
    """One lake loaded day by day, made once for all test processes: see tests.spark.lakes."""
    from tests.spark.lakes import History
    from tests.support.shared import shared_folder

    return History(shared_folder(tmp_path_factory, "history"))
