"""Pure PySpark functions: DataFrame in, DataFrame out; no session, path or clock."""
