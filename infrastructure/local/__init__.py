"""Local: Spark, the Redshift stand-in, and the services that run between commands."""
