"""What the data is: columns, feeds, tables, metrics and errors. Imports nothing of ours."""
