import pytest


@pytest.fixture
def small_bounds(monkeypatch):
    """Sets how much is searched at once, so that few rows are a large corpus; tables are small."""

    def bound(tokens):
        for module in ("find", "large.working"):
            monkeypatch.setattr(f"gradsentry.evidence.{module}.SEARCHED_TOKENS", tokens)
        monkeypatch.setattr("gradsentry.evidence.large.working.DRAWN_TOKENS", tokens * 3 // 4)
        monkeypatch.setattr("gradsentry.evidence.large.counting.WINDOW_ROWS", 500)
        for name in ("COUNT_BITS", "LEADER_BITS", "PAIR_BITS"):
            monkeypatch.setattr(f"gradsentry.evidence.large.prefilter.{name}", 18)

    return bound
