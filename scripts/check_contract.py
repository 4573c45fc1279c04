"""make check: every breaking change since the last release is accepted, with a reason, in docs/data_contract/accepted.yaml.

`--list` prints all changes with their verdicts.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from open_data_contract_standard.model import OpenDataContractStandard as Contract
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from contract.errors import ContractError
from scripts.contract_changes import RENAMED, Change, changes
from scripts.data_contract import FOLDER, RELEASED, SUFFIX, contracts

ACCEPTED = "accepted.yaml"


class Accepted(BaseModel):
    """A breaking change that was decided on: what it is, as the check prints it, and the reason."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str
    column: str = ""
    change: str
    before: str = ""
    after: str = ""
    reason: str = Field(min_length=10)

    def covers(self, change: Change) -> bool:
        """Return whether it is this change, from the same state to the same."""
        return (self.table, self.column, self.change, self.before, self.after) == _identity(change)


def last_release(folder: Path) -> Path:
    """Return the folder with the contract of the newest release. Raises ContractError where there is none."""
    releases = [path for path in (folder / RELEASED).glob("*.*.*") if path.is_dir()]
    if not releases:
        raise ContractError(f"{folder / RELEASED} has no release. Restore it from the repository.")
    return max(releases, key=lambda path: [int(part) for part in path.name.split(".")])


def read_contracts(folder: Path) -> dict[str, Contract]:
    """Return the contracts in a folder by their names. Raises ContractError for a file that is none."""
    found = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            contract = Contract.from_file(str(path))
        except (yaml.YAMLError, ValidationError, TypeError) as error:
            raise ContractError(f"{path} is not a data contract: {error}. Restore it from the repository.") from error
        found[contract.name or path.name] = contract
    return found


def read_accepted(path: Path) -> list[Accepted]:
    """Return the accepted changes. Raises ContractError for an entry that is incomplete."""
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        return TypeAdapter(list[Accepted]).validate_python(entries)
    except (yaml.YAMLError, ValidationError) as error:
        raise ContractError(f"{path} is not a list of accepted changes: {error}. Correct the entry.") from error


def find_changes(
    before: Mapping[str, Contract], after: Mapping[str, Contract], accepted: Sequence[Accepted]
) -> list[Change]:
    """Return what changed; a column whose renaming is accepted is a renamed one."""
    renamed = {(entry.table, entry.column): entry.after for entry in accepted if entry.change == RENAMED}
    return changes(before, after, renamed)


def problems(found: Sequence[Change], accepted: Sequence[Accepted], release: str) -> list[str]:
    """Return a text per breaking change that is not accepted, and per accepted one that is not there."""
    breaking = [change for change in found if change.breaking]
    undeclared = [change for change in breaking if not any(entry.covers(change) for entry in accepted)]
    idle = [entry for entry in accepted if not any(entry.covers(change) for change in breaking)]
    return [
        *(_undeclared(change, release) for change in undeclared),
        *(
            f"{entry.table}.{entry.column}: {entry.change}: it is in {ACCEPTED}, but there is no such change since "
            f"{release}. Remove or correct the entry."
            for entry in idle
        ),
    ]


def _undeclared(change: Change, release: str) -> str:
    names = ("table", "column", "change", "before", "after")
    entry = {name: text for name, text in zip(names, _identity(change), strict=True) if text}
    entry["reason"] = ""
    text = yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=110)
    return (
        f"{change.sentence()}.\n"
        f"  Keep what readers of {release} have, and put what is new into a column of its own. Or add this to "
        f"docs/data_contract/{ACCEPTED}, with the reason why it must change, or that only its words did:\n\n{text}"
    )


def _identity(change: Change) -> tuple[str, str, str, str, str]:
    return change.table, change.column, change.kind, change.before, change.after


def main(given: Sequence[str] | None = None) -> int:
    """Print what is not accepted; return 1 where there is something, else 0."""
    parser = argparse.ArgumentParser(description="Compare the data contract with the last released one.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where accepted.yaml and the released ones are")
    parser.add_argument("--list", action="store_true", help="print every change")
    arguments = parser.parse_args(given)
    try:
        release = last_release(arguments.folder)
        accepted = read_accepted(arguments.folder / ACCEPTED)
        found = find_changes(read_contracts(release), contracts(), accepted)
    except ContractError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.list:
        print("\n".join(change.sentence() for change in found))
    wrong = problems(found, accepted, release.name)
    for text in wrong:
        print(f"error: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
