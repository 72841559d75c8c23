"""The engine: one process per host that holds the weights."""
