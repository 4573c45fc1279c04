"""What an erasure changes: written beside the lake first, then put in place as a whole.

An erasure that is ended before its plan is written has changed nothing; one that is ended later is finished by whatever
works on the lake next. Nothing that is staged names an erased customer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lake.documents import Documents
from lake.erasure.receipt import add_changed
from lake.erasure.request import FOLDER, ErasureRequest
from lake.storage import Folder, open_folder

_PLAN = "plan"


@dataclass(frozen=True)
class RawChange:
    """A raw file that is replaced or deleted, as long as its content still has this `checksum`.

    `shown` is its name for the receipt.
    """

    name: str
    checksum: str
    shown: str


@dataclass(frozen=True)
class Plan:
    """Files that are staged, by the names that they have in the lake or below `raw_root`, and those that are to be deleted.

    `request` is the number of the request that is fulfilled then, `run_id` that of the receipt.
    """

    run_id: str
    files: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    request: str = ""
    raw_root: str = ""
    raw_files: tuple[RawChange, ...] = ()
    raw_deleted: tuple[RawChange, ...] = ()


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
        self,
        run_id: str,
        request: str,
        deleted: Iterable[str],
        *,
        raw_root: str = "",
        raw_files: Sequence[RawChange] = (),
        raw_deleted: Sequence[RawChange] = (),
    ) -> None:
        """Take what is staged for complete: from now on it is put in place, by whichever run, and fulfils the
        request of that number. Raises LakeError.
        """
        staged = tuple(file.name for file in self.files.files())
        plan = Plan(run_id, staged, tuple(deleted), request, raw_root, tuple(raw_files), tuple(raw_deleted))
        self._plans.write(_PLAN, plan)

    def finish(self) -> bool:
        """Put in place what is staged and complete, with the request fulfilled; return whether there was anything.

        A raw file that is another one than was read stays, and the receipt names it.
        """
        if not self._plans.exists(_PLAN):
            return False
        plan = self._plans.read(_PLAN)
        changed = self._put_raw_in_place(plan) if plan.raw_root else []
        self._put_in_place(plan)
        if changed:
            add_changed(self._lake, plan.run_id, changed)
        ErasureRequest(self._lake).close(plan.request)
        self.clear()
        self._plans.delete(_PLAN)
        return True

    def _put_in_place(self, plan: Plan) -> None:
        there = {file.name for file in self.files.files()}
        for name in plan.files:
            if name in there:  # the others are in place: what is staged goes only after that
                self._lake.replace(name, self.files.read_bytes(name))
                _delete_checksum(self._lake, name)
        for name in plan.deleted:
            self._lake.delete(name)
            _delete_checksum(self._lake, name)

    def _put_raw_in_place(self, plan: Plan) -> list[str]:
        """Replace and delete raw files; return, for the receipt, those that have changed since they were read."""
        root, changed = open_folder(plan.raw_root), list[str]()
        for file in plan.raw_files:
            if not self.raw_files.exists(file.name):
                continue
            content = self.raw_files.read_bytes(file.name)
            if _is_as_read(root, file):
                root.replace(file.name, content)
                _delete_checksum(root, file.name)
            elif root.exists(file.name) and root.read_bytes(file.name) != content:
                changed.append(file.shown)
        for file in plan.raw_deleted:
            if root.exists(file.name) and not _is_as_read(root, file):
                changed.append(file.shown)
            else:
                root.delete_content(file.name)
                _delete_checksum(root, file.name)
        return changed


def _is_as_read(root: Folder, file: RawChange) -> bool:
    found = root.stat(file.name)
    return found is not None and root.checksum(found) == file.checksum


def _delete_checksum(target: Folder, name: str) -> None:
    """Remove what Hadoop keeps beside a file of a folder of this machine."""
    folder, slash, short_name = name.rpartition("/")
    target.delete(f"{folder}{slash}.{short_name}.crc")
