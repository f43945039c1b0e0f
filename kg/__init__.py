"""Parley: a knowledge graph of conflict diplomacy in which every fact shows its sentence."""
