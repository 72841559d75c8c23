"""Models that the wheel carries."""
