"""A corpus as the searches see it: token streams, n-grams, strings, contexts, neighbours."""
