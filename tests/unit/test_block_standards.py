"""What Prefect's users expect of blocks: names, titles, descriptions, secrets kept."""

from pathlib import Path

import pytest
from prefect.blocks.abstract import JobBlock
from pydantic import SecretStr

import blocks
from blocks import glue, redshift
from blocks.registry import block_types

BLOCKS = list(block_types())
ALL = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)


@ALL
def test_it_has_a_name_a_slug_and_a_description(block):
    assert block._block_type_name
    assert block._block_type_slug
    assert block._description.endswith(".")
    assert block.__doc__


@ALL
def test_every_field_says_what_it_is(block):
    for name, field in block.model_fields.items():
        assert field.title, name
        assert field.description, name
        assert field.description.endswith("."), name


@ALL
def test_what_is_secret_is_typed_so(block):
    for name, field in block.model_fields.items():
        is_secret = any(word in name for word in ("password", "secret", "token")) and not name.endswith(
            ("_arn", "_name")
        )
        if is_secret:
            assert field.annotation is SecretStr


def test_a_password_is_not_shown():
    block = redshift.RedshiftWarehouse(host="h", user="u", password=SecretStr("planted"), iam_role="r")
    assert "planted" not in f"{block!r} {block} {block.model_dump()}"


def test_every_module_of_blocks_is_registered():
    modules = {path.stem for path in Path(blocks.__file__).parent.glob("*.py")} - {
        "__init__",
        "aws",
        "redeployed",
        "registry",
        "saved",
        "stack_outputs",
    }
    assert modules == set(blocks.MODULES)
    assert len({block._block_type_slug for block in BLOCKS}) == len(BLOCKS) >= 11


def test_jobs_are_prefect_job_blocks():
    assert issubclass(glue.LocalGlueJob, JobBlock)
    assert issubclass(glue.GlueJob, JobBlock)


def test_arguments_are_added_to_a_copy():
    job = glue.LocalGlueJob(arguments={"lake": "x"})
    more = job.with_arguments(job="silver")
    assert more.arguments == {"lake": "x", "job": "silver"}
    assert job.arguments == {"lake": "x"}


def test_a_saved_block_of_the_first_release_keeps_its_settings():
    job = glue.GlueJob.model_validate({"job_name": "churn", "patience_seconds": 7})
    local = glue.LocalGlueJob.model_validate({"small": False})
    warehouse = redshift.RedshiftWarehouse.model_validate({"host": "h", "iam_role": "r", "patience_seconds": 9})
    assert (job.start_timeout_seconds, local.fast_start, warehouse.connect_timeout_seconds) == (7, False, 9)
