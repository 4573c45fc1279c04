from scripts import metrics
from scripts.dictionary import TARGET, render


def test_the_dictionary_follows_from_the_tables():
    assert TARGET.read_text(encoding="utf-8") == render(), "run: make docs"


def test_the_metrics_follow_from_their_definitions():
    assert metrics.TARGET.read_text(encoding="utf-8") == metrics.render(), "run: make docs"
