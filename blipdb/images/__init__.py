"""Hostile images in, pixels out."""
