"""Raw files: from bytes to the records of a feed. One reader, which also finds out what a file is. No Spark."""
