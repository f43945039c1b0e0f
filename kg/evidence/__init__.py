"""Claims and the words that they rest on: sources, quotes, figures, negations, what is contested."""
