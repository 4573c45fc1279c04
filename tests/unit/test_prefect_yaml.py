"""prefect.yaml and automations.yaml say what they must, for every environment alike."""

from importlib import import_module
from pathlib import Path

import pytest
import yaml
from prefect.events import ResourceSpecification
from prefect.schedules import Cron

from infrastructure.local.services import RUN_LOGGING

PROJECT = Path(__file__).resolve().parents[2]
CONTENT = yaml.safe_load((PROJECT / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS = CONTENT["deployments"]
ENVIRONMENTS = ("local", "staging", "production")
FLOWS = {
    "churn_pipeline",
    "backfill",
    "business_review",
    "table_maintenance",
    "notify_operators",
    "schema_drift",
    "forget_customers",
}


def _of(environment):
    return {d["entrypoint"].rsplit(".", 1)[1]: d for d in DEPLOYMENTS if d["name"] == environment}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_has_every_flow_on_its_own_pool_and_platform(environment):
    found = _of(environment)
    assert set(found) == FLOWS
    for deployment in found.values():
        assert deployment["work_pool"] == {"name": f"churn-{environment}", "job_variables": {"env": RUN_LOGGING}}
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

    for deployment in DEPLOYMENTS:
        module, _, name = deployment["entrypoint"].rpartition(".")
        flow = getattr(import_module(module), name)
        assert isinstance(flow, Flow)
        given = set(deployment["parameters"]) | {
            p for t in deployment.get("triggers", []) for p in t.get("parameters", {})
        }
        assert given <= set(flow.parameters.properties)
        assert flow.description


def test_failed_messages_trigger_no_message():
    for environment in ENVIRONMENTS:
        notify = _of(environment)["notify_operators"]
        assert f"churn-{environment}" not in notify["tags"]


def test_automations_are_valid():
    from prefect.events.schemas.automations import AutomationCore

    for content in yaml.safe_load((PROJECT / "automations.yaml").read_text(encoding="utf-8"))["automations"]:
        assert AutomationCore.model_validate(content).actions


def _triggers(environment, flow):
    return {trigger["name"]: trigger for trigger in _of(environment)[flow].get("triggers", [])}


def _fits(pattern, resource):
    return ResourceSpecification.model_validate(pattern).matches(resource)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_arrival_starts_its_environment_only(environment, monkeypatch):
    """The event that announces files fits the trigger of its own environment, and no other."""
    from tasks import arrivals

    events = []
    monkeypatch.setattr(arrivals, "emit_event", lambda **event: events.append(event))
    arrivals.announce([arrivals.RawFileEvent("raw/billing/b.csv", "billing", 1, "e")], environment)
    ((event,), expected) = events, [environment]
    started = []
    for name in ENVIRONMENTS:
        trigger = _triggers(name, "churn_pipeline")[f"{name} arrivals"]
        assert trigger["expect"] == [event["event"]]
        started += [name] if _fits(trigger["match"], event["resource"]) else []
    assert started == expected


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_operators_hear_of_their_runs(environment):
    triggers = _triggers(environment, "notify_operators")
    failures, late = triggers[f"{environment} failures"], triggers[f"{environment} late files"]
    assert _fits(failures["match"], {"prefect.resource.id": "prefect.flow-run.1"})
    assert _fits(failures["match_related"], {"prefect.resource.id": f"prefect.tag.churn-{environment}"})
    tags = {
        tag for name, deployment in _of(environment).items() if name != "notify_operators" for tag in deployment["tags"]
    }
    assert tags == {f"churn-{environment}"}
    assert late["posture"] == "Proactive"
    assert late["within"] > 24 * 3600


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_silent_watcher_is_reported_unless_it_was_stopped(environment, monkeypatch):
    from tasks import arrivals

    events = []
    monkeypatch.setattr(arrivals, "emit_event", lambda **event: events.append(event))
    with arrivals.Heartbeat(environment) as heartbeat:
        heartbeat.beat()
        heartbeat.beat()
    alive, stopped = events
    for name in ENVIRONMENTS:
        trigger = _triggers(name, "notify_operators")[f"{name} watcher"]
        assert (trigger["posture"], trigger["after"]) == ("Proactive", [alive["event"]])
        assert trigger["expect"] == [alive["event"], stopped["event"]]
        assert trigger["within"] == 3 * arrivals.HEARTBEAT_SECONDS
        assert [_fits(trigger["match"], event["resource"]) for event in events] == [name == environment] * 2


def test_trigger_names_are_given_once():
    names = [trigger["name"] for deployment in DEPLOYMENTS for trigger in deployment.get("triggers", [])]
    assert len(names) == len(set(names)) == 4 * len(ENVIRONMENTS)


def test_schedules_run_in_their_order():
    crons = {
        name: Cron(schedule["cron"], timezone=schedule["timezone"])
        for name, deployment in _of("local").items()
        for schedule in deployment.get("schedules", [])
    }
    assert set(crons) == {"churn_pipeline", "business_review", "table_maintenance", "schema_drift"}
    assert crons["churn_pipeline"].cron == "0 6 * * *"
    assert int(crons["business_review"].cron.split()[1]) > 6, "after the pipeline of the first day"
    assert len({schedule.cron for schedule in crons.values()}) == len(crons)


def test_pinned_prefect_is_the_installed():
    import prefect

    assert CONTENT["prefect-version"] == prefect.__version__
    assert CONTENT["name"] == "churn-lakehouse"


def test_local_services_fit_the_pool():
    from flows.deployments import ENVIRONMENT, deployment_folder
    from infrastructure.local.services import POOL

    assert {deployment["work_pool"]["name"] for deployment in _of(ENVIRONMENT).values()} == {POOL}
    assert (deployment_folder() / "automations.yaml").exists()


def test_run_with_default_settings_misses_three_heartbeats_before_it_is_crashed():
    """Not every process that runs a flow has our settings: the default of Prefect counts, whatever is set here."""
    from prefect.settings.models.flows import FlowsSettings

    from infrastructure.local.services import prefect_environment

    (automation,) = yaml.safe_load((PROJECT / "automations.yaml").read_text(encoding="utf-8"))["automations"]
    default = FlowsSettings.model_fields["heartbeat_frequency"].default
    assert automation["trigger"]["within"] > 3 * default
    assert automation["trigger"]["within"] > 3 * int(prefect_environment(1)["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
    assert automation["actions"][0]["state"] == "CRASHED"


def test_run_that_has_ended_sends_no_heartbeat_and_is_not_crashed():
    from prefect.client.schemas.objects import TERMINAL_STATES

    (automation,) = yaml.safe_load((PROJECT / "automations.yaml").read_text(encoding="utf-8"))["automations"]
    ended = {f"prefect.flow-run.{state.value.title()}" for state in TERMINAL_STATES}
    assert ended | {"prefect.flow-run.TimedOut"} <= set(automation["trigger"]["expect"])
