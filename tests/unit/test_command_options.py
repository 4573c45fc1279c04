"""Commands that are advised work on the platform that they were advised for."""

import pytest
from prefect_aws import AwsCredentials
from rich.console import Console

from blocks.glue import GlueJob, LocalGlueJob
from blocks.platform import Platform
from cli.summary import print_summary
from flows.churn_pipeline import PipelineResult
from tasks.warehouse import NOT_LOADED


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """A platform of a kind: this machine's own lake, another one here, or one on AWS."""
    monkeypatch.setenv("CHURN_HOME", str(tmp_path.resolve()))
    lakes = {"own": str(tmp_path.resolve() / "lake"), "other": str(tmp_path / "a lake")}

    def make(kind):
        if kind in lakes:
            return Platform(lake=lakes[kind], jobs=LocalGlueJob())
        aws = Platform(lake=str(tmp_path / "bucket"), jobs=GlueJob(job_name="churn"), credentials=AwsCredentials())
        aws._block_document_name = kind  # what Prefect sets when it loads the block
        return aws

    return make


@pytest.mark.parametrize(
    ("kind", "options"), [("own", ""), ("other", "--lake '{}/a lake'"), ("production", "--platform production")]
)
def test_options_lead_to_the_platform(platform, tmp_path, kind, options):
    assert platform(kind).command_options == options.format(tmp_path)


@pytest.mark.parametrize(
    ("kind", "raw", "options"),
    [
        ("own", "", ""),
        ("own", "data/raw", ""),
        ("own", "/my files", "--raw '/my files'"),
        ("other", "/raw", "--lake '{}/a lake' --raw /raw"),
        ("production", "s3://bucket/raw", "--platform production"),
    ],
)
def test_decisions_on_files_name_their_raw_folder(platform, tmp_path, kind, raw, options):
    assert platform(kind).model_copy(update={"raw": raw}).run_options == options.format(tmp_path)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("own", ['query "SELECT', "dashboard  ", "status  ", "report  ", "down"]),
        ("other", ["query --lake '{}/a lake' \"SELECT", "dashboard --lake '{}/a lake'", "down"]),
        ("production", ['query --platform production "SELECT', "doctor --platform production"]),
    ],
)
def test_summary_advises_commands_of_the_platform(platform, tmp_path, kind, expected):
    console = Console(record=True, width=300)
    result = PipelineResult("r", [], NOT_LOADED, "report", None)
    print_summary(console, result, platform(kind), "http://prefect", 1.0)
    text = console.export_text().partition("Next:")[2]
    assert [part for part in expected if part.format(tmp_path) not in text] == []
    assert (" down" in text) == (kind != "production")
