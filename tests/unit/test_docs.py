from scripts.dictionary import TARGET, render


def test_the_dictionary_follows_from_the_tables():
    assert TARGET.read_text(encoding="utf-8") == render(), "run: python -m scripts.dictionary"
