"""The erasure from Prefect: a list's address is a parameter, and no id is kept by it."""

import logging

import pytest

from blocks.platform import Platform
from contract.errors import LakeError
from flows import forget_customers as module
from lake.erasure.request import ErasureRequest
from lake.storage import open_folder
from tasks import erasure


@pytest.fixture
def platform(tmp_path):
    from blocks.glue import LocalGlueJob

    return Platform(lake=str(tmp_path / "lake"), jobs=LocalGlueJob(), raw=str(tmp_path / "raw"))


def test_flow_never_has_an_id(prefect_harness, platform, tmp_path, monkeypatch, caplog):
    from prefect.client.orchestration import get_client

    (tmp_path / "ids.txt").write_text("GONE-0001\nGONE-0002\n")
    monkeypatch.setattr(module, "churn_pipeline", lambda platform, raw: "done")
    with caplog.at_level(logging.DEBUG):
        assert module.forget_customers(platform, str(tmp_path / "ids.txt")) == "done"
    assert ErasureRequest(platform.folder()).read().ids.ids == {"GONE-0001", "GONE-0002"}
    assert "GONE-" not in caplog.text
    with get_client(sync_client=True) as client:
        kept = [*client.read_flow_runs(), *client.read_task_runs(), *client.read_logs()]
    assert kept and not any("GONE-" in run.model_dump_json() for run in kept)


def test_list_that_is_missing(prefect_harness, platform, tmp_path):
    with pytest.raises(LakeError, match=r"nothing\.txt cannot be read"):
        module.forget_customers(platform, str(tmp_path / "nothing.txt"))
    assert not ErasureRequest(platform.folder()).exists()


def test_run_erases_who_is_asked_for(platform, monkeypatch):
    """The job is started without an id, and only where there is a request."""
    started = []

    def run_glue_job(_, job, run_id, arguments):
        started.append((job, arguments))
        return [type("Result", (), {"notes": ("receipt",)})()]

    monkeypatch.setattr(erasure, "run_glue_job", run_glue_job)
    assert erasure.erase_customers(platform, "raw") == ()
    ErasureRequest(open_folder(platform.lake)).add(["GONE-0001"])
    assert erasure.erase_customers(platform, "raw") == ("receipt",)
    assert started == [("forget", {"raw": "raw"})]
