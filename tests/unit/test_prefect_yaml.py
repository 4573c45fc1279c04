"""prefect.yaml and automations.yaml say what they must, for every environment alike."""

from importlib import import_module
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
CONTENT = yaml.safe_load((PROJECT / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS = CONTENT["deployments"]
ENVIRONMENTS = ("local", "staging", "production")
FLOWS = {"churn_pipeline", "backfill", "business_review", "table_maintenance", "notify_operators"}


def _of(environment):
    return {d["entrypoint"].rsplit(".", 1)[1]: d for d in DEPLOYMENTS if d["name"] == environment}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_has_every_flow_on_its_own_pool_and_platform(environment):
    found = _of(environment)
    assert set(found) == FLOWS
    for deployment in found.values():
        assert deployment["work_pool"] == {"name": f"churn-{environment}"}
        assert deployment["parameters"] == {
            "platform": {"$ref": {"block_document_slug": f"churn-platform/{environment}"}}
        }
        for trigger in deployment.get("triggers", []):
            assert environment in str(trigger["match"]) + str(trigger.get("match_related"))


def test_environments_differ_in_their_name_only():
    plain = [yaml.safe_dump(_of(environment)).replace(environment, "X") for environment in ENVIRONMENTS]
    assert plain[0] == plain[1] == plain[2]


def test_schedules_have_slugs_and_zones_and_writers_run_one_at_a_time():
    for deployment in DEPLOYMENTS:
        for schedule in deployment.get("schedules", []):
            assert schedule["slug"]
            assert schedule["timezone"]
        if not deployment["entrypoint"].endswith("notify_operators"):
            assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


def test_entrypoints_are_flows_that_take_the_parameters():
    from prefect import Flow

    for deployment in DEPLOYMENTS[:5]:
        module, _, name = deployment["entrypoint"].rpartition(".")
        flow = getattr(import_module(module), name)
        assert isinstance(flow, Flow)
        given = set(deployment["parameters"]) | {
            p for t in deployment.get("triggers", []) for p in t.get("parameters", {})
        }
        assert given <= set(flow.parameters.properties)
        assert flow.description


def test_a_message_about_a_failure_is_no_failure_to_tell_of():
    for environment in ENVIRONMENTS:
        notify = _of(environment)["notify_operators"]
        assert f"churn-{environment}" not in notify["tags"]


def test_automations_are_valid():
    from prefect.events.schemas.automations import AutomationCore

    for content in yaml.safe_load((PROJECT / "automations.yaml").read_text(encoding="utf-8"))["automations"]:
        assert AutomationCore.model_validate(content).actions
