"""Keeping quads: the store, the journal that it is an index over, files that survive a crash, views of a change."""
