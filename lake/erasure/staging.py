"""What an erasure changes: written beside the lake first, then put in place as a whole.

An erasure that is ended before its plan is written has changed nothing; one that is ended later is finished by whatever
works on the lake next. Nothing that is staged names an erased customer.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lake.documents import Documents
from lake.erasure.request import FOLDER, ErasureRequest
from lake.storage import Folder, open_folder

_PLAN = "plan"


@dataclass(frozen=True)
class Plan:
    """Files that are staged, by the names that they have in the lake or below `raw_root`, and those that are to be deleted.

    `request` is the number of the request that is fulfilled then.
    """

    files: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    request: str = ""
    raw_root: str = ""
    raw_files: tuple[str, ...] = ()
    raw_deleted: tuple[str, ...] = ()


class Staging:
    """The staged changes of one lake, in `<lake>/_control/erasure`."""

    def __init__(self, lake: Folder) -> None:
        self._lake = lake
        self._folder = lake / FOLDER
        self._plans = Documents(self._folder, Plan)
        self.files = self._folder / "files"
        self.raw_files = self._folder / "raw"

    def clear(self) -> None:
        """Remove what an erasure has left that was ended early."""
        self.files.delete("")
        self.raw_files.delete("")

    def seal(
        self, request: str, deleted: Iterable[str], *, raw_root: str = "", raw_deleted: Iterable[str] = ()
    ) -> None:
        """Take what is staged for complete: from now on it is put in place, by whichever run, and fulfils the
        request of that number. Raises LakeError.
        """
        staged, raw = ([file.name for file in folder.files()] for folder in (self.files, self.raw_files))
        plan = Plan(tuple(staged), tuple(deleted), request, raw_root, tuple(raw), tuple(raw_deleted))
        self._plans.write(_PLAN, plan)

    def finish(self) -> bool:
        """Put in place what is staged and complete, with the request fulfilled; return whether there was anything."""
        if not self._plans.exists(_PLAN):
            return False
        plan = self._plans.read(_PLAN)
        _put_in_place(self._lake, self.files, plan.files, plan.deleted)
        if plan.raw_root:
            _put_in_place(open_folder(plan.raw_root), self.raw_files, plan.raw_files, plan.raw_deleted)
        ErasureRequest(self._lake).close(plan.request)
        self.clear()
        self._plans.delete(_PLAN)
        return True


def _put_in_place(target: Folder, staged: Folder, files: Iterable[str], deleted: Iterable[str]) -> None:
    there = {file.name for file in staged.files()}
    for name in files:
        if name in there:  # the others are in place: what is staged goes only after that
            target.replace(name, staged.read_bytes(name))
            _delete_checksum(target, name)
    for name in deleted:
        target.delete(name)
        _delete_checksum(target, name)


def _delete_checksum(target: Folder, name: str) -> None:
    """Remove what Hadoop keeps beside a file of a folder of this machine."""
    folder, _, short_name = name.rpartition("/")
    target.delete(f"{folder}/.{short_name}.crc")
