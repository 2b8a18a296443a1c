"""Searches: each proposes candidates and decides nothing."""
