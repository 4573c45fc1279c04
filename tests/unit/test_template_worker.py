"""The worker's template: what runs where, as whom, with which login. Each claim is false of every change beside it."""

import pytest
import yaml
from typer.main import get_command

from cli.main import app
from flows.deployments import deployment_folder
from infrastructure.aws.worker import NO_LOGIN
from tests.unit.templates import parsed, resources, spoiled

PROPERTIES = "Properties"
TASK = ("Resources", "Task", PROPERTIES)
BUILDER = ("Resources", "BuildRole", PROPERTIES, "Policies", 0, "PolicyDocument", "Statement")
CONTAINERS = (*TASK, "ContainerDefinitions")


@pytest.fixture(scope="module")
def worker():
    return parsed("worker")


def _containers(worker):
    return {
        container["Name"]: container for container in worker["Resources"]["Task"][PROPERTIES]["ContainerDefinitions"]
    }


def polls_the_pool_of_its_environment(worker):
    """prefect.yaml's environments have a pool of their name, and a block of it."""
    command = _containers(worker)["worker"]["Command"]
    deployments = yaml.safe_load((deployment_folder() / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    pools = {found["name"]: found["work_pool"]["name"] for found in deployments}
    return command[command.index("--pool") + 1] == {"Fn::Sub": "churn-${PlatformBlock}"} and all(
        pool == f"churn-{name}" for name, pool in pools.items()
    )


def watches_the_queue_with_a_command_that_exists(worker):
    *start, name, option, platform = _containers(worker)["watcher"]["Command"]
    command = get_command(app).commands[name]
    known = {flag for parameter in command.params for flag in parameter.opts}
    return start == ["python", "-m", "cli"] and option in known and platform == {"Ref": "PlatformBlock"}


def ends_both_when_one_ends(worker):
    return all(container["Essential"] for container in _containers(worker).values())


def is_checked_without_being_reachable(worker):
    container = _containers(worker)["worker"]
    listens = {entry["Name"]: entry["Value"] for entry in container["Environment"]}["PREFECT_WORKER_WEBSERVER_HOST"]
    return (
        "--with-healthcheck" in container["Command"]
        and f"http://{listens}:8080/health" in container["HealthCheck"]["Command"][-1]
        and listens == "127.0.0.1"
    )


def has_the_login_as_a_secret_only(worker):
    wanted = {"Name": {"Ref": "PrefectLogin"}, "ValueFrom": {"Ref": "PrefectSecret"}}
    return NO_LOGIN in worker["Parameters"]["PrefectLogin"]["AllowedValues"] and all(
        container["Secrets"]["Fn::If"][1] == [wanted]
        and not any(entry["Name"].endswith(("KEY", "STRING")) for entry in container["Environment"])
        for container in _containers(worker).values()
    )


def acts_as_a_role_of_the_lakehouse_s_policies_alone(worker):
    task, role = worker["Resources"]["Task"][PROPERTIES], worker["Resources"]["WorkerRole"][PROPERTIES]
    return (
        task["TaskRoleArn"] == {"Fn::GetAtt": ["WorkerRole", "Arn"]}
        and task["ExecutionRoleArn"] == {"Fn::GetAtt": ["StartRole", "Arn"]}
        and role["ManagedPolicyArns"] == {"Ref": "WorkerPolicyArns"}
        and "Policies" not in role
    )


def runs_nothing_before_there_is_an_image(worker):
    return worker["Parameters"]["ImageTag"]["Default"] == "" and all(
        worker["Resources"][name]["Condition"] == "HasImage" for name in ("Task", "Worker", "WorkerAlarm")
    )


def builds_on_what_needs_no_login_or_is_in_the_account(worker):
    """Docker Hub refuses the many who share CodeBuild's addresses."""
    policy = worker["Resources"]["BuildRole"][PROPERTIES]["Policies"][0]["PolicyDocument"]["Statement"]
    pulled = [found["Resource"] for found in policy if "ecr:GetDownloadUrlForLayer" in found["Action"]]
    everything = {"Fn::Sub": "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/*"}
    pushed = [found["Resource"] for found in policy if "ecr:PutImage" in found["Action"]]
    return (
        worker["Parameters"]["WorkerBaseImage"]["Default"].startswith("public.ecr.aws/docker/library/python:3.11")
        and everything in pulled
        and pushed == [{"Fn::GetAtt": ["Images", "Arn"]}]
    )


def has_one_at_a_time(worker):
    service = worker["Resources"]["Worker"][PROPERTIES]
    deployment = service["DeploymentConfiguration"]
    return (service["DesiredCount"], deployment["MaximumPercent"], deployment["MinimumHealthyPercent"]) == (1, 100, 0)


def goes_back_when_the_new_one_does_not_start(worker):
    return worker["Resources"]["Worker"][PROPERTIES]["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {
        "Enable": True,
        "Rollback": True,
    }


@pytest.mark.parametrize(
    ("claim", "path", "value"),
    [
        (polls_the_pool_of_its_environment, (*CONTAINERS, 0, "Command", -1), {"Fn::Sub": "pool-${PlatformBlock}"}),
        (watches_the_queue_with_a_command_that_exists, (*CONTAINERS, 1, "Command", 4), "--block"),
        (ends_both_when_one_ends, (*CONTAINERS, 1, "Essential"), False),
        (is_checked_without_being_reachable, (*CONTAINERS, 0, "Environment", 2, "Value"), "0.0.0.0"),
        (has_the_login_as_a_secret_only, (*CONTAINERS, 1, "Environment", 0, "Name"), "PREFECT_API_KEY"),
        (has_the_login_as_a_secret_only, (*CONTAINERS, 0, "Secrets", "Fn::If", 1), []),
        (acts_as_a_role_of_the_lakehouse_s_policies_alone, (*TASK, "TaskRoleArn"), {"Fn::GetAtt": ["StartRole", "Arn"]}),
        (runs_nothing_before_there_is_an_image, ("Resources", "Worker", "Condition"), "HasLogin"),
        (builds_on_what_needs_no_login_or_is_in_the_account, ("Parameters", "WorkerBaseImage", "Default"), "python:3.11-slim"),
        (builds_on_what_needs_no_login_or_is_in_the_account, (*BUILDER, 5), None),
        (builds_on_what_needs_no_login_or_is_in_the_account, (*BUILDER, 4, "Resource"), "*"),
        (has_one_at_a_time, ("Resources", "Worker", PROPERTIES, "DeploymentConfiguration", "MaximumPercent"), 200),
        (goes_back_when_the_new_one_does_not_start, ("Resources", "Worker", PROPERTIES, "DeploymentConfiguration", "DeploymentCircuitBreaker", "Rollback"), False),
    ],
)  # fmt: skip
def test_worker_stack(worker, claim, path, value):
    assert claim(worker)
    assert not claim(spoiled(worker, path, value))


def test_the_worker_joins_the_clients_of_the_warehouse(worker):
    """The lakehouse lets in the members of one group; the worker's parameters are filled from its outputs."""
    (service,) = resources(worker, "AWS::ECS::Service").values()
    assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"] == [{"Ref": "WorkerSecurityGroup"}]
    outputs = parsed()["Outputs"]
    filled = ("ClientSecurityGroup", "OrchestratorPolicyArn", "WarehousePolicyArn", "ArtifactBucketName", "AlertsTopic")
    assert set(filled) <= set(outputs)
