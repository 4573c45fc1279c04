"""What the caller is told when Spark's process dies."""

import pytest

from local.spark_client import _known_cause


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[unresolved dependency: io.delta#delta-spark_2.12;3.3.2: not found]", "could not be fetched"),
        ("java.io.IOException: No space left on device", "disk is full"),
        ("There is insufficient memory for the Java Runtime", "too little memory"),
    ],
)
def test_usual_causes_are_named(tmp_path, text, words):
    log = tmp_path / "spark.log"
    log.write_text(f"earlier\n{text}\n", encoding="utf-8")
    assert words in _known_cause(log, 0)
    assert _known_cause(log, log.stat().st_size) == "", "what an earlier process wrote is not this one's cause"


def test_an_unknown_cause_is_not_guessed(tmp_path):
    log = tmp_path / "spark.log"
    log.write_bytes(b"\xff\xfe something else")
    assert _known_cause(log, 0) == ""
