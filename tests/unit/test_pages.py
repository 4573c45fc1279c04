"""Pages from templates, and their print by a browser."""

import os
import stat

import pytest

from serving.lineage.picture import picture
from serving.pages import find_browser, render, to_pdf

REVIEW = {"title": "<x>", "until": "", "cards": [], "missing": [], "groups": {}, "metrics": {}, "width": 1, "height": 1}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose programs are those put there by a test."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


def _install(folder, name, script):
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


PRINT = (
    'for word; do case "$word" in --print-to-pdf=*) target=${word#*=};; file://*) source=${word#file://};; esac; done'
)
PRINT += '\necho "$@" > "$0.arguments"; while read -r line; do echo "printed $line"; done < "$source" > "$target"'


def test_values_are_escaped():
    drawn = {"picture": picture(), "trails": {}}
    page = render("quality.html.j2", tables=[], runs=[("<script>", [])], width=1, height=1, **drawn)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_first_browser_is_taken(machine):
    assert find_browser() is None
    _install(machine, "chrome", "exit 0")
    assert find_browser() == str(machine / "chrome")
    _install(machine, "chromium", "exit 0")
    assert find_browser() == str(machine / "chromium")


def test_without_browser_nothing_is_printed(machine):
    assert to_pdf("<p>x</p>") is None


def test_browser_prints_the_page(machine):
    program = _install(machine, "chromium", PRINT)
    assert to_pdf("<p>é</p>\n") == "printed <p>é</p>\n".encode()
    arguments = (program.parent / "chromium.arguments").read_text()
    assert "--headless" in arguments
    assert "--disable-background-networking" in arguments


@pytest.mark.parametrize("script", ["exit 1", "exit 0", "kill -9 $$"])
def test_failed_print_is_no_page(machine, script):
    _install(machine, "chromium", script)
    assert to_pdf("<p>x</p>") is None


def test_program_that_is_none_is_no_page(machine):
    program = machine / "chromium"
    program.write_bytes(os.urandom(64))
    program.chmod(0o755)
    assert to_pdf("<p>x</p>") is None


def test_print_leaves_no_files(machine, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _install(machine, "chromium", PRINT)
    to_pdf("<p>x</p>\n")
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]
