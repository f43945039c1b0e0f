"""Bases: how they are built, opened, changed, kept sound and copied."""
