"""What each row of an answer rests on: the query followed down to triples, and those to their sentences."""
