from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from gradsentry.attacks import ATTACKS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("attack_scores")


@pytest.mark.costly
def test_the_page_is_what_the_attacks_do_today(scores: ModuleType):
    page = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8")
    assert page == scores.document(), "run `python benchmarks/attack_scores.py write`"


def test_every_attack_has_its_section():
    page = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8")
    sections = {section.split("\n", 1)[0]: section for section in page.split("\n## ")[1:]}
    assert set(sections) == set(ATTACKS)
    for name, section in sections.items():
        assert "→" in section
        paper = ATTACKS[name].paper
        assert (paper.arxiv if paper else "Made here") in section
