"""What a triple rests on: proofs down to claims, what is missing where there is none, and what is disputed."""
