import re

from scripts import data_contract, metrics
from scripts.dictionary import TARGET, render
from tests.support.installed import PROJECT


def test_the_dictionary_follows_from_the_tables():
    assert TARGET.read_text(encoding="utf-8") == render(), "run: make docs"


def test_the_data_contract_follows_from_the_tables():
    paths = data_contract.FOLDER.glob(f"*{data_contract.SUFFIX}")
    assert {path.name: path.read_text(encoding="utf-8") for path in paths} == data_contract.render(), "run: make docs"


def test_the_metrics_follow_from_their_definitions():
    assert metrics.TARGET.read_text(encoding="utf-8") == metrics.render(), "run: make docs"


def test_every_promise_names_a_test_that_is_there():
    text = (PROJECT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_]+/\w+\.py)(?:::(\w+))?`", text)
    assert len(named) > 30
    missing = [
        f"{file}::{test}"
        for file, test in named
        if f"def {test or 'test_'}" not in (PROJECT / "tests" / file).read_text(encoding="utf-8")
    ]
    assert missing == []
