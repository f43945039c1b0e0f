"""The base as others see it: by a speaker, by one source, as of a day, after a withdrawal; and what differs."""
