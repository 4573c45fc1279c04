"""Files beside the tables: storage, manifests, results, exports and the like. No Spark, no Prefect."""
