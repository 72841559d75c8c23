"""Builders of the ONNX graphs, from weights."""
