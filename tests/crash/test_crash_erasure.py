"""An erasure ended before any of its writes, and finished by the next one: as if it had never been ended."""

import shutil
from pathlib import Path

import pytest

from lake.alerts import Alerts
from lake.erasure.erase import Erasure
from lake.erasure.request import ErasureRequest
from lake.erasure.staging import Staging
from lake.manifests import Manifests
from lake.storage import LocalFolder, open_folder
from tests.support.erasable_lake import AT, GONE, NAME, build, newest_files
from tests.support.scanner import places_of


class Ended(BaseException):
    """The process is gone: nothing catches it."""


class Writes:
    """Counts what changes a folder; before number `last` the process ends."""

    def __init__(self, patched):
        self.count, self.last = 0, None
        for method in ("_write", "delete"):
            patched.setattr(LocalFolder, method, self._counted(getattr(LocalFolder, method)))

    def _counted(self, original):
        def call(*args, **kwargs):
            if self.count == self.last:
                raise Ended
            self.count += 1
            return original(*args, **kwargs)

        return call


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A lake with its raw folder; who is to be erased is asked for."""
    place = tmp_path_factory.mktemp("erasure") / "stage"
    build(place, place.with_name("work"))
    return place


def _start(stage):
    """A fresh copy at one place: manifests have addresses."""
    work = stage.with_name("work")
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(stage, work)
    return work


def _forget(work):
    """What the job does."""
    lake = open_folder(work / "lake")
    Staging(lake).finish()
    request = ErasureRequest(lake).read()
    if request.ids:
        Erasure(lake, str(work / "raw"), request, newest_files(lake), "run-1", AT).run()


def _content(work):
    return {str(path.relative_to(work)): path.read_bytes() for path in Path(work).rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(stage):
    """What the erasure leaves, and how many writes it takes."""
    with pytest.MonkeyPatch.context() as patched:
        work, writes = _start(stage), Writes(patched)
        _forget(work)
        return _content(work), writes.count


def test_erasure_is_complete(stage, undisturbed):
    work = _start(stage)
    assert len(places_of((GONE,), work)) >= 7
    _forget(work)
    assert places_of((GONE,), work) == []
    left = [name for name in undisturbed[0] if name.startswith("lake/_control/erasure/")]
    assert left == ["lake/_control/erasure/warehouse.json"], "what the next load has to do"
    (batch,) = Manifests(open_folder(work / "lake")).history()
    root = open_folder(work / "raw")
    assert (batch.files[0].rows, batch.files[0].checksum) == (3, root.checksum(root.stat(NAME)))
    assert [customer.customer_id for customer in next(Alerts(open_folder(work / "lake")).open()).top] == ["G0000"]


def test_second_erasure_changes_nothing(stage, undisturbed):
    work = _start(stage)
    _forget(work)
    ErasureRequest(open_folder(work / "lake")).add([GONE])
    _forget(work)
    assert _content(work).keys() == undisturbed[0].keys()
    receipts = {name for name in undisturbed[0] if "/erasure-run-1." in name}
    assert {name for name, content in _content(work).items() if content != undisturbed[0][name]} == receipts


def test_ended_before_every_write(stage, undisturbed, monkeypatch):
    expected, count = undisturbed
    writes = Writes(monkeypatch)
    for last in range(count):
        work = _start(stage)
        writes.count, writes.last = 0, last
        with pytest.raises(Ended):
            _forget(work)
        writes.last = None
        _forget(work)
        assert _content(work) == expected, f"ended before write {last}"


def test_any_job_finishes_it(stage, undisturbed, monkeypatch):
    """From the plan on, nothing has to be asked for again."""
    work, writes = _start(stage), Writes(monkeypatch)
    writes.last = undisturbed[1] - 5
    with pytest.raises(Ended):
        _forget(work)
    writes.last = None
    assert Staging(open_folder(work / "lake")).finish()
    assert _content(work) == undisturbed[0]
