"""Words and sentences of a text."""
