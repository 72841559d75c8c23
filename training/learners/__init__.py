"""Models with their objectives, batches to losses."""
