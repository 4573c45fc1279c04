"""Default settings of a run."""

MAX_QUARANTINED_SHARE = 0.05
"""Share of quarantined rows (0 to 1) above which a batch is stopped."""

RETENTION_DAYS = 45
"""Days of table history that maintenance keeps."""
