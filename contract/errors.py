"""Errors that a user can do something about; each message names the thing and the remedy.

An error crosses the border of a process as its `code` and its message: see `error_from_code`.
"""

from typing import ClassVar


class ChurnError(Exception):
    """Base of every error shown to a user without a traceback.

    `code` is its name outside this process, `exit_code` what the command that raises it exits with.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1


class ContractError(ChurnError):
    """A declaration in `contract/` is incomplete or contradicts another."""

    code = "contract"


class RawPathError(ChurnError):
    """The raw path does not exist or holds no file."""

    code = "raw-path"


class LayoutError(ChurnError):
    """A raw file is of no known layout, or lacks required columns."""

    code = "layout"


class DamagedFileError(LayoutError):
    """A raw file cannot be read to its end: nothing of it is used."""

    code = "damaged-file"


class LakeError(ChurnError):
    """The lake cannot be read or written."""

    code = "lake"


class DamagedDocumentError(LakeError):
    """A document beside the tables is damaged, or was written by another version."""

    code = "damaged-document"


class DamagedTableError(LakeError):
    """A file of a Delta table is damaged or missing: its log, a checkpoint or its data."""

    code = "damaged-table"


class UnreadableFileError(LakeError):
    """One file of S3 cannot be read: access to it is denied, or it is archived."""

    code = "unreadable-file"


class SchemaMismatchError(ChurnError):
    """A DataFrame or a stored table does not have its declared schema."""

    code = "schema-mismatch"


class GateError(ChurnError):
    """A batch failed a critical expectation; nothing of it was published."""

    code = "gate"


class BrokenCheckError(GateError):
    """A check could not be evaluated, so nothing is known about the data."""

    code = "broken-check"


class JobError(ChurnError):
    """A job ended without a result."""

    code = "job"


class VersionMismatchError(ChurnError):
    """The Glue script and the orchestrator that started it have different sources."""

    code = "version-mismatch"


class MachineError(ChurnError):
    """The machine lacks something that the pipeline needs."""

    code = "machine"


class PlatformError(ChurnError):
    """AWS refused something, or a block of the platform is not filled in."""

    code = "platform"


class WarehouseError(ChurnError):
    """The warehouse refused a load or cannot be reached."""

    code = "warehouse"


class DependentViewError(WarehouseError):
    """A view cannot be replaced because other objects depend on it."""

    code = "dependent-view"


class OutageError(ChurnError):
    """A run did its work but for what needs an external service that failed; the next run does the rest."""

    code = "outage"


class NotifyError(ChurnError):
    """A notifier refused a message: it was not delivered."""

    code = "notify"


class UnknownDeliveryError(NotifyError):
    """A notifier did not respond: the message may have been delivered."""

    code = "unknown-delivery"


class TableauError(ChurnError):
    """Tableau's server, or what `churn tableau` needs, refused."""

    code = "tableau"


class QueryError(ChurnError):
    """A query is wrong; the message is the engine's own."""

    code = "query"


class UnknownCustomerError(ChurnError):
    """Nothing is known of a customer."""

    code = "unknown-customer"
    exit_code = 4


def _kinds(base: type[ChurnError]) -> list[type[ChurnError]]:
    return [base, *(kind for child in base.__subclasses__() for kind in _kinds(child))]


def error_from_code(code: str, message: str) -> ChurnError:
    """Return the error that another process reported: of the class with `code`, JobError for an unknown one."""
    return next((kind for kind in _kinds(ChurnError) if kind.code == code), JobError)(message)
