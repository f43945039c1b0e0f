"""Bases behind a SPARQL endpoint: how they are read as at one moment, changed, made and loaded."""
