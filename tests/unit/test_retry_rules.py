"""Which failures of a task are worth another try, told by Prefect's own states."""

import pytest
from prefect.states import Cancelled, Completed, Crashed, Failed

from contract.errors import (
    BrokenCheckError,
    ChurnError,
    ContractError,
    DamagedDocumentError,
    DamagedFileError,
    DamagedTableError,
    DependentViewError,
    GateError,
    JobError,
    LakeError,
    LayoutError,
    MachineError,
    NotifyError,
    OutageError,
    PlatformError,
    QueryError,
    RawPathError,
    SchemaMismatchError,
    TableauError,
    UnknownCustomerError,
    UnknownDeliveryError,
    UnreadableFileError,
    VersionMismatchError,
    WarehouseError,
)
from tasks.defaults import RETRY_ON_OUTAGE, is_worth_retrying

PASSING = (JobError, NotifyError, UnknownDeliveryError, PlatformError, WarehouseError)
LASTING = (
    BrokenCheckError, ChurnError, ContractError, DamagedDocumentError, DamagedFileError, DamagedTableError,
    DependentViewError, GateError, LakeError, LayoutError, MachineError, OutageError, QueryError, RawPathError,
    SchemaMismatchError, TableauError, UnknownCustomerError, UnreadableFileError, VersionMismatchError,
)  # fmt: skip


def _retried(state):
    return is_worth_retrying(None, None, state)


@pytest.mark.parametrize("kind", PASSING)
def test_outage_is_tried_again(kind):
    assert _retried(Failed(data=kind("the service is away")))


@pytest.mark.parametrize("kind", LASTING)
def test_bad_input_is_not(kind):
    assert not _retried(Failed(data=kind("the same tomorrow")))


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), KeyError("x"), RuntimeError("unknown")])
def test_unknown_error_is_tried_again(error):
    assert _retried(Failed(data=error))


@pytest.mark.parametrize("state", [Crashed(message="killed", data=RuntimeError("killed")), Cancelled()])
def test_broken_off_task_is_tried_again(state):
    assert _retried(state)


def test_success_needs_no_other_try():
    assert not _retried(Completed(data=3))


def test_every_declared_error_is_decided():
    def kinds(base):
        return {base}.union(*(kinds(kind) for kind in base.__subclasses__() if kind.__module__ == "contract.errors"))

    assert kinds(ChurnError) == set(PASSING) | set(LASTING)


def test_pauses_grow_and_vary():
    assert RETRY_ON_OUTAGE["retry_delay_seconds"](RETRY_ON_OUTAGE["retries"]) == [2, 4, 8]
    assert RETRY_ON_OUTAGE["retry_jitter_factor"] > 0
    assert RETRY_ON_OUTAGE["retry_condition_fn"] is is_worth_retrying
