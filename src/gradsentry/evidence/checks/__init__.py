"""Checks: each measures one thing of a candidate and decides nothing."""
