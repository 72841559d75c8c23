"""Samples for training and evaluation, from files, archives, URLs or a database."""
