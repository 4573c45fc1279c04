"""The columns of every table, a module per layer."""
