"""Loading: what may enter a base in whole files, and millions of quads made ready in tables."""
