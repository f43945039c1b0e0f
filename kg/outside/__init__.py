"""What comes from outside is read and run apart, in processes with limits: queries and proposals."""
