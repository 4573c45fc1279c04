"""The arguments of a job reach the script alike, on this machine and through Glue's own treatment of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks import glue
from blocks.glue import GlueJob, LocalGlueJob
from contract.version import source_version
from jobs.main import parse_arguments
from tests.cloud.stand_in import argument_fault, glue_argv
from tests.support.glue_starts import GlueStarts

RUN = {"job": "export", "run_id": "20260101T000000Z", "lake": "s3://lake/x"}
ABSENT = {"raw": "", "warehouse_version": "", "day": "", "month": "", "max_quarantined_share": "", "retention_days": ""}


class WorkerStarts:
    """A worker of this machine that records what it was asked to run."""

    def __init__(self):
        self.argv = []

    def run(self, arguments):
        self.argv.append(arguments)
        return {"state": "SUCCEEDED"}


def test_glue_drops_an_empty_value_and_keeps_the_name():
    assert glue_argv({"--job": "export", "--warehouse_version": ""}) == ["--job", "export", "--warehouse_version"]
    with pytest.raises(SystemExit):
        parse_arguments(glue_argv({f"--{name}": value for name, value in (RUN | {"warehouse_version": ""}).items()}))


@pytest.mark.parametrize("absent", [*({name: ""} for name in ABSENT), ABSENT])
def test_absent_arguments_have_the_script_s_defaults(monkeypatch, absent):
    on_glue, here = GlueStarts(), WorkerStarts()
    monkeypatch.setattr(glue, "aws_client", lambda *_, **__: on_glue)
    monkeypatch.setattr(glue, "warm_worker", lambda **_: here)
    GlueJob(job_name="churn").with_arguments(**RUN, **absent).trigger()
    LocalGlueJob().with_arguments(**RUN, **absent).trigger().wait_for_completion()
    defaults = parse_arguments([f"--{name}={value}" for name, value in RUN.items()])
    assert vars(parse_arguments(glue_argv(on_glue.arguments[0]))) == vars(defaults) | {
        "source_version": source_version()
    }
    assert parse_arguments(here.argv[0]) == defaults


@given(
    st.fixed_dictionaries(
        {name: st.just(value) for name, value in RUN.items()},
        optional={
            "raw": st.text("abc:/ ", max_size=5),
            "warehouse_version": st.sampled_from(["", "t@3#x"]),
            "day": st.sampled_from(["", "2026-01-31"]),
            "verify": st.sampled_from(["", "true", "false"]),
        },
    )
)
def test_glue_passes_what_this_machine_passes(arguments):
    passed = glue.script_arguments(arguments)
    assert parse_arguments(glue_argv(passed)) == parse_arguments([text for pair in passed.items() for text in pair])
    assert "" not in passed.values()
    assert argument_fault(passed) == ""


@pytest.mark.parametrize("name", ["lake", "-lake", "--JOB_NAME", "--mode"])
def test_names_that_glue_has_for_itself_or_does_not_pass(name):
    assert name in argument_fault({"--lake": "s3://lake/x", name: "x"})


def test_arguments_are_bounded_together():
    half = {"--raw": "é" * 65 * 1024}  # two bytes each
    assert argument_fault(half) == ""
    assert argument_fault(half | {"--lake": "x" * 131 * 1024}) == "Request size limit exceeded"
