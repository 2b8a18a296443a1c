"""Corpora larger than what is searched at once: every row is counted, and the telling ones are searched."""
