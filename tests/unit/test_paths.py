"""Where this machine keeps state and caches."""

from pathlib import Path

import pytest

from infrastructure.local.paths import PACKAGES, cache_folder, lake_folder, log_file, state_folder


def test_state_lies_in_present_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHURN_HOME", raising=False)
    assert state_folder() == tmp_path / ".churn"
    assert lake_folder() == tmp_path / ".churn" / "lake"


@pytest.mark.parametrize("setting", ["state", "../state", "~"])
def test_setting_moves_the_state(tmp_path, monkeypatch, setting):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHURN_HOME", setting)
    assert state_folder() == (tmp_path / setting).resolve()
    assert state_folder().is_absolute()


def test_empty_setting_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHURN_HOME", "")
    assert state_folder() == tmp_path / ".churn"


def test_cache_follows_the_standard(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "churn-lakehouse"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert cache_folder() == tmp_path / "me" / ".cache" / "churn-lakehouse"


def test_logs_have_their_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(tmp_path / "new" / "state"))
    log = log_file("spark")
    assert log == tmp_path / "new" / "state" / "logs" / "spark.log"
    assert log.parent.is_dir()
    assert not log.exists()


def test_packages_are_found_beside_this():
    assert (PACKAGES / "contract" / "__init__.py").exists()
    assert Path(__file__).is_relative_to(PACKAGES)
