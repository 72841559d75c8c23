"""Training: MED and its objectives, data, pretraining and evaluation.

The modules here import torch; this one does not, so that the scene world stays importable
without it.
"""
