"""Where the values of one customer come from, from the warehouse back to the record of a file."""
