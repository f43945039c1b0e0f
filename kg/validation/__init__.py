"""The shapes: what they read, whom a change can affect, and what pyshacl says of those."""
