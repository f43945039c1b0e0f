"""The words of which facts are made: terms, literals, and names that only look alike."""
