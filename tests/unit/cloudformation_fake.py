"""CloudFormation by hand, of one stack or several: what moto cannot do is a stack that fails on its way."""

from typing import Any

from botocore.exceptions import ClientError


def refused(message: str, code: str = "ValidationError") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


class FakeCloudFormation:
    """`status` is None without a stack. `script` are (status, new events) that follow a change, one per look."""

    def __init__(self, status: str | None = None, outputs: dict[str, str] | None = None) -> None:
        self.status, self.outputs = status, outputs or {}
        self.parameters: list[str] = []
        self.values: dict[str, str] = {}
        self.script: list[tuple[str | None, list[tuple[str, ...]]]] = []
        self.events: list[dict[str, Any]] = []
        self.change_set: dict[str, Any] = {"Changes": []}
        self.pending: list[dict[str, Any]] = []
        self.refusals: dict[str, ClientError] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.stack_id = "arn:stack/1"
        self.resources: list[tuple[str, str, str]] = []
        self._running = False

    def named(self, name: str) -> list[dict[str, Any]]:
        """The arguments of every call of one name."""
        return [options for called, options in self.calls if called == name]

    def event(self, status: str, resource: str, kind: str = "AWS::S3::Bucket", reason: str = "") -> None:
        event = {"EventId": str(len(self.events)), "ResourceStatus": status, "LogicalResourceId": resource}
        self.events.insert(0, event | {"ResourceType": kind} | ({"ResourceStatusReason": reason} if reason else {}))

    def describe_stacks(self, **options: Any) -> dict[str, Any]:
        self._call("describe_stacks", options)
        if self._running and self.script:
            self.status, events = self.script.pop(0)
            for event in events:
                self.event(*event)
        if self.status is None:
            raise refused(f"Stack with id {options['StackName']} does not exist")
        stack: dict[str, Any] = {"StackStatus": self.status, "StackId": self.stack_id}
        stack["Outputs"] = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        stack["Parameters"] = [
            {"ParameterKey": name, "ParameterValue": self.values.get(name, "x")}
            for name in [*self.parameters, *self.values]
        ]
        return {"Stacks": [stack]}

    def describe_stack_events(self, **options: Any) -> dict[str, Any]:
        self._call("describe_stack_events", options)
        return {"StackEvents": list(self.events)}

    def list_stack_resources(self, **options: Any) -> dict[str, Any]:
        """Type, name and status of each of `resources`; one per page."""
        self._call("list_stack_resources", options)
        number = int(options.get("NextToken", 0))
        if not self.resources:
            return {"StackResourceSummaries": []}
        kind, name, status = self.resources[number]
        found = {"ResourceType": kind, "PhysicalResourceId": name, "ResourceStatus": status}
        more = {"NextToken": str(number + 1)} if number + 1 < len(self.resources) else {}
        return {"StackResourceSummaries": [found], **more}

    def create_change_set(self, **options: Any) -> None:
        self._call("create_change_set", options)
        if options["ChangeSetType"] == "CREATE":
            self.status = "REVIEW_IN_PROGRESS"

    def describe_change_set(self, **options: Any) -> dict[str, Any]:
        self._call("describe_change_set", options)
        if self.pending:
            return self.pending.pop(0)
        is_empty = not self.change_set.get("Changes")
        nothing = {"Status": "FAILED", "StatusReason": "No updates are to be performed."}
        return (nothing if is_empty else {"Status": "CREATE_COMPLETE"}) | self.change_set

    def execute_change_set(self, **options: Any) -> None:
        self._call("execute_change_set", options)
        self._running = True

    def delete_change_set(self, **options: Any) -> None:
        self._call("delete_change_set", options)

    def delete_stack(self, **options: Any) -> None:
        self._call("delete_stack", options)
        self._running = True

    def _call(self, name: str, options: dict[str, Any]) -> None:
        self.calls.append((name, options))
        if name in self.refusals:
            raise self.refusals[name]


class FakeAccount:
    """CloudFormation of several stacks: a call goes to the one that it names, or to a new one."""

    def __init__(self, **stacks: FakeCloudFormation) -> None:
        self.stacks = {name.replace("_", "-"): stack for name, stack in stacks.items()}
        self.order: list[tuple[str, str]] = []

    def list_stacks(self, StackStatusFilter: list[str]) -> dict[str, Any]:  # noqa: N803
        """Those of the given states."""
        found = [name for name, stack in self.stacks.items() if stack.status in StackStatusFilter]
        return {"StackSummaries": [{"StackName": name, "StackId": f"arn:stack/{name}"} for name in found]}

    def __getattr__(self, called: str) -> Any:
        def call(**options: Any) -> Any:
            name = options["StackName"].removeprefix("arn:stack/")
            stack = self.stacks.setdefault(name, FakeCloudFormation())
            stack.stack_id = f"arn:stack/{name}"
            self.order.append((called, name))
            return getattr(stack, called)(**options)

        return call


def change(action: str, resource: str, kind: str = "AWS::Glue::Job", replacement: str = "False") -> dict[str, Any]:
    """One entry of a change set."""
    names = {"Action": action, "LogicalResourceId": resource, "ResourceType": kind, "Replacement": replacement}
    return {"ResourceChange": names}
