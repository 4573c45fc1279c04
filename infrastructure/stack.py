"""The CloudFormation stack: planned as a change set, applied with progress, described by its outputs."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from prefect_aws import AwsCredentials

from blocks.aws import client_of, explained
from transforms.errors import PlatformError

TEMPLATE = Path(__file__).with_name("cloudformation.yaml")
_POLL_SECONDS = 3.0
_NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")
_UNFINISHED = "REVIEW_IN_PROGRESS"

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """A change set: `changes` in words, none where the stack is up to date."""

    name: str
    is_new: bool
    changes: tuple[str, ...]


class Stack:
    """One stack by its name."""

    def __init__(self, name: str, credentials: AwsCredentials, poll_seconds: float = _POLL_SECONDS) -> None:
        self.name = name
        self._cloudformation = client_of(credentials, "cloudformation")
        self._poll_seconds = poll_seconds

    def status(self) -> str | None:
        """CloudFormation's word for the stack's state, None when there is no stack."""
        found = self._describe()
        return str(found["StackStatus"]) if found else None

    def outputs(self) -> dict[str, str]:
        """Outputs by name. Raises PlatformError when there is no stack."""
        found = self._describe()
        if found is None:
            raise PlatformError(f"there is no stack {self.name}. Make it with: churn deploy --stack {self.name}")
        return {entry["OutputKey"]: entry["OutputValue"] for entry in found.get("Outputs", ())}

    def exists(self) -> bool:
        """Whether there is a stack to change. Raises PlatformError when its state allows no change."""
        status = self.status()
        if status and status.endswith("_IN_PROGRESS") and status != _UNFINISHED:
            raise PlatformError(f"the stack {self.name} is {status}: wait until that has ended, then deploy again")
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
            raise PlatformError(f"the stack {self.name} is {status}: remove it with churn destroy, then deploy again")
        return status not in (None, _UNFINISHED)

    def plan(self, parameters: Mapping[str, str]) -> Plan:
        """Ask CloudFormation what it would change; parameters that are not given keep their values."""
        is_new = not self.exists()
        name, made = f"churn-{uuid.uuid4().hex[:12]}", ""
        changes: tuple[str, ...] = ()
        with explained(f"planning the stack {self.name}"), _no_change_is_no_error():
            self._cloudformation.create_change_set(
                StackName=self.name,
                ChangeSetName=name,
                ChangeSetType="CREATE" if is_new else "UPDATE",
                TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
                Parameters=self._parameters(parameters, is_new=is_new),
                Capabilities=["CAPABILITY_IAM"],
            )
            made, changes = name, tuple(self._changes(name))
        return Plan(made, is_new, changes)

    def apply(self, plan: Plan, tell: Tell) -> None:
        """Execute a plan and wait. PlatformError names the resources that failed, and why."""
        seen = {event["EventId"] for event in self._events()} if not plan.is_new else set()
        with explained(f"changing the stack {self.name}"):
            self._cloudformation.execute_change_set(StackName=self.name, ChangeSetName=plan.name)
            self._wait(seen, tell)

    def discard(self, plan: Plan) -> None:
        """Forget a plan that is not applied, and the empty stack that planning a new one leaves."""
        if not plan.name:
            return
        with explained(f"discarding the plan of {self.name}"):
            self._cloudformation.delete_change_set(StackName=self.name, ChangeSetName=plan.name)
            if plan.is_new and self.status() == _UNFINISHED:
                self._cloudformation.delete_stack(StackName=self.name)

    def delete(self, tell: Tell) -> None:
        """Delete the stack and wait; buckets, the key and the warehouse's namespace are retained."""
        found = self._describe()
        if found is None:
            return
        stack_id = found["StackId"]
        with explained(f"deleting the stack {self.name}"):
            self._cloudformation.delete_stack(StackName=self.name)
            self._wait({event["EventId"] for event in self._events(stack_id)}, tell, stack_id)

    def _describe(self, stack_id: str | None = None) -> dict[str, Any] | None:
        try:
            with explained(f"looking at the stack {self.name}"):
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
        found = None if is_new else self._describe()
        kept = [p["ParameterKey"] for p in (found or {}).get("Parameters", ()) if p["ParameterKey"] not in given]
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
        return [_in_words(change["ResourceChange"]) for change in found.get("Changes", ())]

    def _wait(self, seen: set[str], tell: Tell, stack_id: str | None = None) -> None:
        """Tell every new event until the stack is at rest."""
        failures: list[str] = []
        while True:
            found = self._describe(stack_id)
            for event in reversed(self._events(stack_id)):
                if event["EventId"] not in seen:
                    seen.add(event["EventId"])
                    line = f"{event['ResourceStatus']:<20} {event['LogicalResourceId']} ({event['ResourceType']})"
                    reason = event.get("ResourceStatusReason", "")
                    tell(f"{line}: {reason}" if reason else line)
                    if event["ResourceStatus"].endswith("_FAILED"):
                        failures.append(f"{event['LogicalResourceId']}: {reason or 'no reason given'}")
            status = found["StackStatus"] if found else "DELETE_COMPLETE"
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(self._poll_seconds)
        if failures or "ROLLBACK" in status or status.endswith("_FAILED"):
            raise PlatformError(
                f"the stack {self.name} ended as {status}:\n  " + "\n  ".join(failures or ["no reason given"])
            )

    def _events(self, stack_id: str | None = None) -> list[dict[str, Any]]:
        """The newest events first."""
        found = self._cloudformation.describe_stack_events(StackName=stack_id or self.name)
        return list(found["StackEvents"])


@contextmanager
def _no_change_is_no_error() -> Iterator[None]:
    """CloudFormation says so in the change set's state, or refuses to make one."""
    try:
        yield
    except ClientError as error:
        if not any(words in str(error) for words in _NOTHING_TO_DO):
            raise


def _in_words(change: Mapping[str, Any]) -> str:
    replaced = " (REPLACED)" if change.get("Replacement") == "True" else ""
    return f"{change['Action']:<8} {change['LogicalResourceId']} ({change['ResourceType']}){replaced}"
