"""Turtle and TriG: reading RDF files, and the one canonical form in which ours are written."""
