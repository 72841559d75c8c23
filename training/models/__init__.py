"""Torch models: MED and its variants."""
