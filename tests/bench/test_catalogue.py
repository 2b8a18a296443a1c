"""The page of names is that of the code: every defence and attack, with every setting and what it means."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from gradsentry.attacks import ATTACKS
from gradsentry.bench.catalogue import page
from gradsentry.bench.reference import meanings
from gradsentry.bench.spec import FLOORS, AttackSpec, DefenceSpec
from gradsentry.defences import DETECTORS
from gradsentry.defences.evidence import SURE, UNSURE
from gradsentry.defences.floors import valley
from gradsentry.plugins import origin

KINDS = [one for one in (*DETECTORS.values(), *ATTACKS.values()) if not origin(one)]


def section(name: str) -> str:
    return page().partition(f"\n### {name}\n")[2].partition("\n## ")[0].partition("\n### ")[0]


def test_the_page_is_current():
    said = "run `python -m gradsentry.bench.catalogue > docs/names.md`"
    assert (Path(__file__).parents[2] / "docs/names.md").read_text(encoding="utf-8") == page(), said


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_setting_is_explained_and_nothing_is_listed_that_a_spec_refuses(kind):
    settings = set(re.findall(r"^\| `(\w+)` \|", section(kind.name), re.M))
    of_rates = {"rate", "count"} if kind in ATTACKS.values() else set()
    assert settings == kind.model_fields.keys() - of_rates
    assert meanings(kind).keys() >= settings
    spec = AttackSpec if kind in ATTACKS.values() else DefenceSpec
    built = spec(name=kind.name).build()
    spec(name=kind.name, settings={name: getattr(built, name) for name in settings}).build()


@pytest.mark.parametrize("name", ["evidence", "scan"])
def test_the_score_of_what_finds_strings_is_explained(name):
    assert f"The score of a row is {SURE:g}" in section(name)
    assert f", {UNSURE:g} " in section(name)


def test_the_rule_of_the_floors_is_the_one_that_is_told():
    assert "log(1 + x) of their numbers x" in page()
    assert "`ifd` does the same" in page()
    scores = np.concatenate([np.linspace(0.0, 0.2, 60), np.linspace(4.0, 5.0, 60)])
    logs = np.log1p(scores)
    expected = np.expm1(logs.min() + valley((logs - logs.min()) / np.ptp(logs)).tau * np.ptp(logs))
    for name in (*FLOORS, "ifd"):
        bar = DETECTORS.named(name)().tau_of(scores)
        assert bar is not None
        assert bar.tau == pytest.approx(expected)
        assert not bar.fallback


def test_each_line_is_one_row_of_a_table():
    rows = [line for line in page().splitlines() if line.startswith("| ")]
    assert all(line.endswith(" |") for line in rows)
    assert "and 47 more]`" in section("unrelated_sentence")
