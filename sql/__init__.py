"""The SQL extension: one file per verb."""
