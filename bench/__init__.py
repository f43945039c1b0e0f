"""What Parley costs, measured against its peers: ``python -m bench`` writes ``bench/report.md``."""
