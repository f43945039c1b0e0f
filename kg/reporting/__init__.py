"""What the gate found, for people and for programs, and a page for every kind of finding."""
