"""What blipdb does, measured: each run writes docs/benchmarks.md and docs/benchmarks.json."""
