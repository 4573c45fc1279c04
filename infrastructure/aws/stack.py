"""The CloudFormation stack: planned as a change set, applied with progress, described by its outputs."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from cfnlint.decode import cfn_yaml

from contract.errors import PlatformError
from infrastructure.aws.calls import aws_errors_as

TEMPLATE = Path(__file__).parents[1] / "cloudformation.yaml"
NETWORK_TEMPLATE = TEMPLATE.with_name("network.yaml")
WORKER_TEMPLATE = TEMPLATE.with_name("worker.yaml")
OPERATIONS_TEMPLATE = TEMPLATE.with_name("operations.yaml")
PROJECT = "churn-lakehouse"
_POLL_SECONDS = 3.0
_NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")
_ONLY_OUTPUTS = "Modify   parameters and outputs, no resource"
_UNFINISHED = "REVIEW_IN_PROGRESS"

Log = Callable[[str], None]


@dataclass(frozen=True)
class Kept:
    """A resource that outlived its stack: its CloudFormation type, and its name or id."""

    kind: str
    name: str


@dataclass(frozen=True)
class Plan:
    """A change set: a line per change, none where the stack is up to date."""

    name: str
    is_new: bool
    changes: tuple[str, ...]


@lru_cache
def read_template(path: Path) -> dict[str, Any]:
    """Return a template, parsed."""
    parsed: dict[str, Any] = cfn_yaml.load(str(path))
    return parsed


class Stack:
    """One stack by its name, of one template.

    Its resources carry the tags Project and Environment, the name of the environment that the stack is a part of.
    """

    def __init__(
        self,
        name: str,
        cloudformation: Any,
        poll_seconds: float = _POLL_SECONDS,
        *,
        template: Path = TEMPLATE,
        environment: str = "",
    ) -> None:
        """`cloudformation` is a boto3 client; without `environment`, the stack's name is that of its environment."""
        self.name = name
        self._cloudformation = cloudformation
        self._poll_seconds = poll_seconds
        self._template = template
        self._is_lakehouse = environment in ("", name)
        self._tags = {"Project": PROJECT, "Environment": environment or name}

    @property
    def declared(self) -> tuple[str, ...]:
        """Return the names of the template's parameters."""
        return tuple(read_template(self._template)["Parameters"])

    def missing(self, given: Mapping[str, str]) -> list[str]:
        """Return the parameters that have no default, no value now, and none in `given`."""
        declared = read_template(self._template)["Parameters"].items()
        known = {**self.parameters(), **given}
        return [name for name, parameter in declared if "Default" not in parameter and name not in known]

    def status(self) -> str | None:
        """Return CloudFormation's status of the stack, None when there is no stack."""
        found = self._describe()
        return str(found["StackStatus"]) if found else None

    def outputs(self) -> dict[str, str]:
        """Return the outputs by name. Raises PlatformError when there is no stack."""
        found = self._describe()
        if found is None:
            raise PlatformError(f"there is no stack {self.name}. Create it with: churn deploy --stack {self.name}")
        return {entry["OutputKey"]: entry["OutputValue"] for entry in found.get("Outputs", ())}

    def parameters(self) -> dict[str, str]:
        """Return the values of the parameters by name, none where there is no stack."""
        found = self._describe() or {}
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in found.get("Parameters", ())}

    def exists(self) -> bool:
        """Return whether there is a stack to change. Raises PlatformError when its state allows no change."""
        status = self.status()
        if status and status.endswith("_IN_PROGRESS") and status != _UNFINISHED:
            raise PlatformError(f"the stack {self.name} is {status}: wait until that has ended, then deploy again")
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
            # A stack beside the lakehouse keeps no data: it goes alone.
            remedy = (
                "churn destroy" if self._is_lakehouse else f"aws cloudformation delete-stack --stack-name {self.name}"
            )
            raise PlatformError(f"the stack {self.name} is {status}: remove it with {remedy}, then deploy again")
        return status not in (None, _UNFINISHED)

    def plan(self, parameters: Mapping[str, str]) -> Plan:
        """Plan a change set and return it; parameters that are not given keep their values."""
        is_new = not self.exists()
        name, made = f"churn-{uuid.uuid4().hex[:12]}", ""
        changes: tuple[str, ...] = ()
        with aws_errors_as(f"planning the stack {self.name}"), _no_change_is_no_error():
            self._cloudformation.create_change_set(
                StackName=self.name,
                ChangeSetName=name,
                ChangeSetType="CREATE" if is_new else "UPDATE",
                TemplateBody=self._template.read_text(encoding="utf-8"),
                Parameters=self._parameters(parameters, is_new=is_new),
                Capabilities=["CAPABILITY_IAM"],
                # CloudFormation puts the tags of a stack on every resource that can have tags.
                Tags=[{"Key": key, "Value": value} for key, value in self._tags.items()],
            )
            made, changes = name, tuple(self._changes(name))
        return Plan(made, is_new, changes)

    def apply(self, plan: Plan, log: Log) -> None:
        """Execute a plan and wait. Raises PlatformError, which names the resources that failed, and why."""
        seen = {event["EventId"] for event in self._events()} if not plan.is_new else set()
        with aws_errors_as(f"changing the stack {self.name}"):
            self._cloudformation.execute_change_set(StackName=self.name, ChangeSetName=plan.name)
            self._wait(seen, log)

    def discard(self, plan: Plan) -> None:
        """Delete a plan that is not applied, and the empty stack that planning a new one leaves."""
        if not plan.name:
            return
        with aws_errors_as(f"discarding the plan of {self.name}"):
            self._cloudformation.delete_change_set(StackName=self.name, ChangeSetName=plan.name)
            if plan.is_new and self.status() == _UNFINISHED:
                self._cloudformation.delete_stack(StackName=self.name)

    def delete(self, log: Log) -> list[Kept]:
        """Delete the stack, wait, and return what it keeps: nothing where there is no stack. Raises PlatformError."""
        found = self._describe()
        if found is None:
            return []
        stack_id = found["StackId"]
        with aws_errors_as(f"deleting the stack {self.name}"):
            self._cloudformation.delete_stack(StackName=self.name)
            self._wait({event["EventId"] for event in self._events(stack_id)}, log, stack_id)
            return self._kept(stack_id)

    def kept_before(self) -> list[Kept]:
        """Return what stacks of this name kept that were deleted: CloudFormation remembers them for 90 days."""
        with aws_errors_as(f"reading earlier stacks {self.name}"):
            pages = _pages(self._cloudformation.list_stacks, StackStatusFilter=["DELETE_COMPLETE"])
            ids = [entry["StackId"] for page in pages for entry in page["StackSummaries"] if self._is_ours(entry)]
            return [kept for stack_id in ids for kept in self._kept(stack_id)]

    def _is_ours(self, summary: Mapping[str, Any]) -> bool:
        return bool(summary["StackName"] == self.name)

    def _kept(self, stack_id: str) -> list[Kept]:
        """What CloudFormation skipped while it deleted the stack or rolled it back."""
        pages = _pages(self._cloudformation.list_stack_resources, StackName=stack_id)
        return [
            Kept(entry["ResourceType"], entry["PhysicalResourceId"])
            for page in pages
            for entry in page["StackResourceSummaries"]
            if entry["ResourceStatus"] == "DELETE_SKIPPED" and entry.get("PhysicalResourceId")
        ]

    def _describe(self, stack_id: str | None = None) -> dict[str, Any] | None:
        try:
            with aws_errors_as(f"reading the stack {self.name}"):
                found: dict[str, Any] = self._cloudformation.describe_stacks(StackName=stack_id or self.name)["Stacks"][
                    0
                ]
        except PlatformError as error:
            if isinstance(error.__cause__, ClientError) and "does not exist" in str(error.__cause__):
                return None
            raise
        return None if found["StackStatus"] == "DELETE_COMPLETE" and stack_id is None else found

    def _parameters(self, given: Mapping[str, str], *, is_new: bool) -> list[dict[str, Any]]:
        chosen: list[dict[str, Any]] = [{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()]
        present = {} if is_new else self.parameters()
        # A parameter that the template has lost since cannot be kept.
        kept = [name for name in present if name not in given and name in self.declared]
        return chosen + [{"ParameterKey": key, "UsePreviousValue": True} for key in kept]

    def _changes(self, name: str) -> list[str]:
        while True:
            found = self._cloudformation.describe_change_set(StackName=self.name, ChangeSetName=name)
            if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                break
            time.sleep(self._poll_seconds)
        reason = found.get("StatusReason", "")
        if found["Status"] == "FAILED" and not any(words in reason for words in _NOTHING_TO_DO):
            raise PlatformError(f"CloudFormation cannot plan the stack {self.name}: {reason}")
        changes = [_describe_change(change["ResourceChange"]) for change in found.get("Changes", ())]
        # CloudFormation counts no outputs; settings that it knows no resource for are parameters and outputs alone.
        return changes or ([_ONLY_OUTPUTS] if found["Status"] == "CREATE_COMPLETE" else [])

    def _wait(self, seen: set[str], log: Log, stack_id: str | None = None) -> None:
        """Log every new event until the stack is at rest."""
        failures: list[str] = []
        while True:
            found = self._describe(stack_id)
            for event in reversed(self._events(stack_id)):
                if event["EventId"] not in seen:
                    seen.add(event["EventId"])
                    line = f"{event['ResourceStatus']:<20} {event['LogicalResourceId']} ({event['ResourceType']})"
                    reason = event.get("ResourceStatusReason", "")
                    log(f"{line}: {reason}" if reason else line)
                    if event["ResourceStatus"].endswith("_FAILED"):
                        failures.append(f"{event['LogicalResourceId']}: {reason or 'no reason given'}")
            status = found["StackStatus"] if found else "DELETE_COMPLETE"
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(self._poll_seconds)
        # What an update that is complete could not clean up stays, and was logged.
        if "ROLLBACK" in status or status.endswith("_FAILED"):
            raise PlatformError(
                f"the stack {self.name} ended as {status}:\n  " + "\n  ".join(failures or ["no reason given"])
            )

    def _events(self, stack_id: str | None = None) -> list[dict[str, Any]]:
        """The newest events first."""
        found = self._cloudformation.describe_stack_events(StackName=stack_id or self.name)
        return list(found["StackEvents"])


def _pages(call: Callable[..., dict[str, Any]], **options: Any) -> Iterator[dict[str, Any]]:
    page = call(**options)
    yield page
    while token := page.get("NextToken"):
        page = call(**options, NextToken=token)
        yield page


@contextmanager
def _no_change_is_no_error() -> Iterator[None]:
    """Suppress the error with which CloudFormation refuses a change set without changes."""
    try:
        yield
    except ClientError as error:
        if not any(words in str(error) for words in _NOTHING_TO_DO):
            raise


def _describe_change(change: Mapping[str, Any]) -> str:
    replaced = " (REPLACED)" if change.get("Replacement") == "True" else ""
    return f"{change['Action']:<8} {change['LogicalResourceId']} ({change['ResourceType']}){replaced}"
