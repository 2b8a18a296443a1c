"""Scores and evidence -> the verdict, as plain data."""
