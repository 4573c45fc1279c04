"""Workers per job of the pipeline: from the parameter of a deployment to the start of a run."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks import glue
from blocks.glue import GlueJob
from contract.errors import PlatformError
from contract.jobs import JOBS
from infrastructure.aws.glue_workers import Workers, parse_workers
from infrastructure.aws.stack import TEMPLATE, read_template
from tests.support.glue_starts import GlueStarts

TEN_LARGE = Workers(worker_type="G.2X", number_of_workers=10)
PATTERN = re.compile(read_template(TEMPLATE)["Parameters"]["GlueJobWorkers"]["AllowedPattern"])
WORKERS = st.builds(
    Workers, worker_type=st.sampled_from(["G.1X", "G.2X", "G.4X", "G.8X"]), number_of_workers=st.integers(2, 999)
)


@given(st.dictionaries(st.sampled_from(JOBS), WORKERS))
def test_what_is_written_is_read_and_taken_by_the_template(workers):
    text = ",".join(f"{job}:{each.worker_type}:{each.number_of_workers}" for job, each in workers.items())
    assert parse_workers(text) == workers
    assert PATTERN.fullmatch(text)


@pytest.mark.parametrize(
    "text", ["gold", "gold:G.2X", "gold:G.2X:1", "gold:G.2X:0", "gold:G.3X:5", "golden:G.2X:5", "gold:G.2X:5,", ","]
)
def test_entry_that_is_none_is_named_with_what_to_write(text):
    with pytest.raises(PlatformError, match=r"GlueJobWorkers has the entry '.*': write job:type:number, e\.g\. gold:G"):
        parse_workers(text)


def test_job_that_is_named_twice_is_refused():
    with pytest.raises(PlatformError, match="names a job twice"):
        parse_workers("gold:G.2X:5,gold:G.1X:2")


def test_block_refuses_a_job_that_there_is_not():
    with pytest.raises(ValidationError, match="workers_by_job"):
        GlueJob(job_name="churn", workers_by_job={"golden": TEN_LARGE})


@pytest.mark.parametrize(
    ("job", "own", "expected"),
    [
        ("gold", {}, {"WorkerType": "G.2X", "NumberOfWorkers": 10}),
        ("gold", {"worker_type": "G.1X", "number_of_workers": 3}, {"WorkerType": "G.2X", "NumberOfWorkers": 10}),
        ("silver", {"worker_type": "G.1X", "number_of_workers": 3}, {"WorkerType": "G.1X", "NumberOfWorkers": 3}),
        ("silver", {}, {}),
    ],
)
def test_job_starts_with_its_workers_else_with_the_block_s_else_with_glue_s(monkeypatch, job, own, expected):
    starts = GlueStarts()
    monkeypatch.setattr(glue, "aws_client", lambda *_, **__: starts)
    block = GlueJob(job_name="churn", workers_by_job={"gold": TEN_LARGE}, **own)
    block.with_arguments(job=job, run_id="20260101T000000Z", lake="s3://lake/x").trigger()
    assert starts.options == [expected]
