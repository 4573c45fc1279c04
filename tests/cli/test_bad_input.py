"""What a user can get wrong: one message that says what to do, an exit code, an untouched lake."""

import socket
from importlib.metadata import version

import pytest


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "--raw", "nowhere"), 1, ("nowhere does not exist", "churn generate")),
        (("generate", "--customers", "0"), 2, ("--customers",)),
        (("generate", "--layout", "wide", "--out", "x"), 2, ("wide", "flat33")),
        (("report", "--lake", "nolake"), 1, ("no report", "churn run")),
        (("repair", "--lake", "nolake"), 1, ("no lake at", "--lake")),
        (("files", "--raw", "nowhere"), 1, ("nowhere does not exist", "churn generate")),
        (("query", "--lake", "nolake", "SELECT 1 FROM gold.churn_kpis"), 1, ("gold.churn_kpis",)),
        (("query", "--on", "moon", "SELECT 1"), 2, ("moon",)),
        (("fly",), 2, ("fly",)),
    ],
)
def test_a_mistake_is_named(machine, arguments, code, words):
    answer = machine.churn(*arguments)
    assert answer.code == code, answer
    assert all(word in answer.err for word in words), answer.err
    assert "Traceback" not in answer.err


def test_a_lake_that_cannot_be_written(machine):
    machine.churn("generate", "--customers", "5", "--days", "1", "--faults", "0", "--out", "few")
    (machine.folder / "a file").write_text("in the way")
    answer = machine.churn("run", "--raw", "few", "--lake", "a file/lake")
    assert answer.code == 1
    assert "a file" in answer.err
    assert "Traceback" not in answer.err


def test_a_taken_port(machine):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        answer = machine.churn("up", CHURN_PREFECT_PORT=port, CHURN_HOME=str(machine.folder / "other"))
    assert answer.code == 1
    assert port in answer.err
    assert "CHURN_PREFECT_PORT" in answer.err


def test_help_says_what_there_is(machine):
    answer = machine.churn("--help")
    assert answer.code == 0
    assert all(command in answer.out for command in ("generate", "run", "query", "status", "report", "up", "down"))


def test_completion_knows_the_commands(machine):
    script = machine.churn(_CHURN_COMPLETE="source_bash")
    assert script.code == 0
    assert "_churn_completion" in script.out
    asked = machine.churn(_CHURN_COMPLETE="complete_bash", COMP_WORDS="churn dr", COMP_CWORD="1")
    assert asked.out.split() == ["drift"]


def test_version_is_the_package_s(machine):
    assert machine.churn("--version").out == f"churn {version('churn-lakehouse')}\n"
