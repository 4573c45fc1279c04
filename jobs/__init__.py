"""The one script that AWS Glue and this machine run, and a module per job."""
