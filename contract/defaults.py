"""Default settings of a run."""

MAX_QUARANTINED_SHARE = 0.05
"""Share of quarantined rows (0 to 1) above which a batch is stopped."""

MAX_MISSING_SHARE = 0.10
"""Share of the customers known before (0 to 1) that a snapshot may lack; above it, it is held."""

RETENTION_DAYS = 45
"""Days of table history that maintenance keeps."""

MAX_GOLD_AGE_HOURS = 26
"""Hours within which a run that ends with fresh gold is promised: a daily one may be two hours late."""

MAX_RECORD_BYTES = 8 * 1024 * 1024
"""Longest record of a raw file (of JSON: in characters); a longer one is quarantined with its beginning."""

MAX_RECORD_DEPTH = 64
"""Deepest nesting of a JSON record that is read."""
