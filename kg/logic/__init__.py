"""The rules of the ontology: compiled from its axioms, run on a whole view, matched with a change."""
