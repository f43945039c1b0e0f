"""Bringing in data sets that others publish as tables: each row becomes a claim, told by a mapping file."""
