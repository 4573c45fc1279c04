"""The jobs of the one script that AWS Glue and this machine run."""

JOBS = ("bronze", "silver", "gold", "export", "maintenance", "repair", "restore", "review")
