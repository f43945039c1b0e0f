"""The gate: what is handed in is checked step by step and enters whole or not at all."""
