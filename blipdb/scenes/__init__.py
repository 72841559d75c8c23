"""Drawn scenes whose structure is known exactly."""
