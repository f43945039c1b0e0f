"""Proofs, citations, differences, disputes and briefings as people and programs read them."""
