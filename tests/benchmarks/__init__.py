"""Measurements of blipdb: each run writes docs/benchmarks.md and docs/benchmarks.json."""
