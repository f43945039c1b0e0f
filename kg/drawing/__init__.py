"""Pictures: the graph around a thing or an answer, proofs, maps and timelines, as SVG or HTML without network."""
