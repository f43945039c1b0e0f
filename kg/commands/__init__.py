"""The commands of the command line, grouped by what they are for, and what they share; nothing but grammar."""
