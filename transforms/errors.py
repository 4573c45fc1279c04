"""Errors that a user can do something about; each message names the thing and the remedy."""


class ChurnError(Exception):
    """Base of every error shown to a user without a traceback."""


class RawPathError(ChurnError):
    """The raw path does not exist or holds no file."""


class LayoutError(ChurnError):
    """A raw file is of no known layout, or lacks required columns."""


class LakeError(ChurnError):
    """The lake cannot be read or written."""


class SchemaMismatchError(ChurnError):
    """A DataFrame or a stored table does not have its declared schema."""


class GateError(ChurnError):
    """A batch failed a critical expectation; nothing of it was published."""


class BrokenCheckError(GateError):
    """A check could not be evaluated, so nothing is known about the data."""


class JobError(ChurnError):
    """A job ended without a result."""


class MachineError(ChurnError):
    """The machine lacks something that the road needs."""


class PlatformError(ChurnError):
    """AWS refused something, or a block of the platform is not filled in."""


class WarehouseError(ChurnError):
    """The warehouse refused a load or cannot be reached."""


class NotifyError(ChurnError):
    """A notifier refused a message: nobody got it."""


class UnknownDeliveryError(NotifyError):
    """A notifier did not answer: somebody may have got the message."""


class TableauError(ChurnError):
    """Tableau's server, or what `churn tableau` needs, refused."""


class QueryError(ChurnError):
    """A query is wrong; the message is the engine's own."""
