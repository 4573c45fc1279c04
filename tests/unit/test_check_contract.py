"""make check compares the data contract with the last released one."""

import shutil

import pytest
import yaml

from scripts.check_contract import ACCEPTED, last_release, main
from scripts.data_contract import FOLDER, RELEASED, SUFFIX, release
from tests.support.installed import PROJECT

KPIS = f"gold.churn_kpis{SUFFIX}"


@pytest.fixture
def folder(tmp_path):
    """The contract as it is now, released as 0.10.0: nothing has changed since."""
    copy = tmp_path / "contract"
    shutil.copytree(FOLDER, copy)
    release(copy, "0.10.0")
    (copy / ACCEPTED).write_text("[]")
    return copy


def _release_another(folder, change):
    """The release had what `change` makes of the columns of gold.churn_kpis."""
    path = folder / RELEASED / "0.10.0" / KPIS
    document = yaml.safe_load(path.read_text())
    change(document["schema"][0]["properties"])
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def _with_one_more(columns):
    columns.append({"name": "currency", "logicalType": "string", "physicalType": "string"})


def _check(folder, *more):
    return main(["--folder", str(folder), *more])


def test_make_check_compares_with_the_last_release():
    (recipe,) = (part for part in (PROJECT / "Makefile").read_text().split("\n\n") if part.startswith("check:"))
    assert "-m scripts.check_contract" in recipe


def test_every_breaking_change_is_accepted():
    assert main([]) == 0


def test_newest_release_is_that_of_the_highest_number(folder):
    (folder / RELEASED / "0.9.0").mkdir()
    assert last_release(folder).name == "0.10.0"
    assert _check(folder) == 0


def test_undeclared_breaking_change_fails(folder, capsys):
    _release_another(folder, _with_one_more)
    assert _check(folder) == 1
    message = capsys.readouterr().err
    assert "gold.churn_kpis.currency: column removed (string): breaking, queries of it fail" in message
    assert "Keep what readers of 0.10.0 have" in message
    assert "docs/data_contract/accepted.yaml" in message


def test_printed_entry_with_a_reason_accepts_the_change(folder, capsys):
    _release_another(folder, _with_one_more)
    _check(folder)
    entry = capsys.readouterr().err.split("\n\n")[1]
    (folder / ACCEPTED).write_text(entry)
    assert _check(folder) == 1, "a reason is needed"
    assert "reason" in capsys.readouterr().err
    (folder / ACCEPTED).write_text(entry.replace("''", "Every amount is in USD."))
    assert _check(folder) == 0


def test_accepted_change_to_something_else_is_not_this_one(folder, capsys):
    _release_another(folder, lambda columns: columns[0].update(description="Who ran it"))
    entry = {
        "table": "gold.churn_kpis",
        "column": "run_id",
        "change": "description changed",
        "before": "Who ran it",
        "after": "Another text",
        "reason": "Only its words changed.",
    }
    (folder / ACCEPTED).write_text(yaml.safe_dump([entry]))
    assert _check(folder) == 1
    message = capsys.readouterr().err
    assert message.count("error: gold.churn_kpis.run_id") == 2, "the change, and the entry that is about no change"
    assert "Remove or correct the entry" in message


def test_accepted_renaming_is_one_change(folder):
    _release_another(folder, lambda columns: columns[3].update(name="figure"))
    entry = {
        "table": "gold.churn_kpis",
        "column": "figure",
        "change": "column renamed",
        "before": "figure",
        "after": "kpi",
        "reason": "It is the name of a KPI.",
    }
    (folder / ACCEPTED).write_text(yaml.safe_dump([entry]))
    assert _check(folder) == 0


def test_compatible_change_needs_no_entry(folder, capsys):
    _release_another(folder, lambda columns: columns.pop())
    assert _check(folder, "--list") == 0
    assert "gold.churn_kpis.unit: required column added (string): compatible" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["version: [", "- a list", "version: 1\nunknown: field"])
def test_damaged_contract_is_named(folder, capsys, text):
    path = folder / RELEASED / "0.10.0" / KPIS
    path.write_text(text)
    assert _check(folder) == 1
    assert f"error: {path} is not a data contract" in capsys.readouterr().err


def test_folder_without_a_release_is_named(tmp_path, capsys):
    assert main(["--folder", str(tmp_path)]) == 1
    assert "has no release" in capsys.readouterr().err
