"""The example for GitHub Actions: its commands exist, and production gets what staging has run."""

import re
import shlex

import pytest
import yaml
from typer.main import get_command

from cli.main import app
from flows.churn_pipeline import churn_pipeline
from tests.support.installed import PROJECT

EXAMPLE = PROJECT / "docs" / "ci" / "deploy.yml"
JOBS = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["jobs"]
COMMANDS = [
    command
    for job in JOBS.values()
    for step in job["steps"]
    for command in re.findall(r"\.venv/bin/churn ([^|)]+)", step.get("run", ""))
]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_exists_with_its_options(command):
    name, *words = shlex.split(re.sub(r"\$\{\{.*?\}\}", "x", command))
    known = {option for parameter in get_command(app).commands[name].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_targets_of_make_exist():
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    named = {
        word
        for job in JOBS.values()
        for step in job["steps"]
        for word in re.findall(r"make (\w+)", step.get("run", ""))
    }
    assert named
    assert all(f"\n{target}:" in makefile for target in named)


def test_production_is_approved_and_gets_what_staging_has_run():
    production = JOBS["production"]
    assert (production["environment"], production["needs"]) == ("production", "staging")
    assert any("--expect ${{ needs.staging.outputs.digest }}" in step.get("run", "") for step in production["steps"])


def test_staging_runs_on_its_worker_and_nothing_loads_from_github():
    """The warehouse has no public address: a run that starts on GitHub's machine ends as failed at its load."""
    staging = [step.get("run", "") for step in JOBS["staging"]["steps"]]
    assert ".venv/bin/prefect deployment run churn-pipeline/staging --watch" in staging
    deployments = yaml.safe_load((PROJECT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    assert ("flows.churn_pipeline.churn_pipeline", "staging") in {(d["entrypoint"], d["name"]) for d in deployments}
    assert churn_pipeline.name == "churn-pipeline"
    assert not [command for command in COMMANDS if command.startswith("run ")]


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_deployments_are_there_before_the_doctor_looks_for_them(environment):
    steps = [step.get("run", "") for step in JOBS[environment]["steps"]]
    named = [
        number for number, run in enumerate(steps) if run.endswith(f"prefect --no-prompt deploy --name {environment}")
    ]
    (looked,) = [number for number, run in enumerate(steps) if "churn doctor" in run]
    assert len(named) == 1
    assert named[0] < looked


def test_no_key_of_aws_is_stored():
    for name, job in JOBS.items():
        roles = [step["with"] for step in job["steps"] if "configure-aws-credentials" in step.get("uses", "")]
        assert all(set(role) == {"role-to-assume", "aws-region"} for role in roles)
        assert bool(roles) == ("id-token" in job.get("permissions", {})), name


def test_a_fork_gets_no_role():
    assert "head.repo.full_name == github.repository" in JOBS["plan"]["if"]
