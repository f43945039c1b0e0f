"""Where speakers differ: figures that cannot all be right, contradictions by the rules, denials; no side is chosen."""
