"""Stored questions and their answers, labels, exports, pages for people."""
