"""A world of drawn scenes, whose structure is known."""
