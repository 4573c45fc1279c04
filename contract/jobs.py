"""The jobs of the one script that AWS Glue and this machine run."""

JOBS = ("bronze", "silver", "gold", "export", "forget", "maintenance", "repair", "restore", "review")
