"""The erasure of customers from everything that a lake and its raw folder keep, old versions of tables among it."""
