"""Stores on other machines: SPARQL 1.1 endpoints asked over HTTP."""
