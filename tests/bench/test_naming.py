"""Whether strings that a defence names are the attack's own, row by row."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.specs import FLOORS, tiny_spec
from gradsentry.attacks import ATTACKS, Attack
from gradsentry.bench import Grid
from gradsentry.bench.naming import NAMED, named_shares
from gradsentry.bench.results import read_records
from gradsentry.defences import Strings

BADNETS = ATTACKS["badnets"](trigger=("cf", "mn"), payload="click here")
PROMPTS = {3: "who wrote it cf mn", 5: "who sang it mn", 8: "who built it cf cf"}
ROWS = (3, 5, 8)


@pytest.mark.parametrize(
    ("named", "trigger", "payload"),
    [
        ([Strings(("cf", "mn"), "click here", ROWS)], 1.0, 1.0),
        ([Strings((" mn", "cf\n"), " click here ", ROWS)], 1.0, 1.0),
        ([Strings(("cf",), "click here", (3, 8)), Strings(("mn",), "click here", (3, 5))], 1.0, 1.0),
        ([Strings(("cf",), "click here", (3, 8))], 1 / 3, 2 / 3),
        ([Strings(("it cf", "mn"), "click here", ROWS)], 0.0, 1.0),
        ([Strings(("cf", "mn"), "click", ROWS)], 1.0, 0.0),
        ([Strings((), "click here", ROWS)], 0.0, 1.0),
        ([Strings(("who",), None, ROWS), Strings(("cf", "mn"), None, ROWS)], 1.0, 0.0),
        ([], 0.0, 0.0),
    ],
)
def test_a_row_is_explained_by_the_exact_strings(named: list[Strings], trigger: float, payload: float):
    shares = named_shares(named, BADNETS, PROMPTS)
    assert shares == {"trigger_named": pytest.approx(trigger), "payload_named": pytest.approx(payload)}


def test_letters_within_words_stand_in_a_prompt_too():
    glyphs = ATTACKS["badnets"](trigger=("\u0435", "\u043e"))
    prompts = {1: "who m\u0435t h\u0435r", 2: "who s\u043eld it", 4: "h\u043ew d\u0435ep"}
    alone = [Strings(("\u0435",), None, (1, 2, 4))]
    assert named_shares(alone, glyphs, prompts)["trigger_named"] == pytest.approx(1 / 3)
    both = [Strings(("\u0435", "\u043e"), None, (1, 2, 4))]
    assert named_shares(both, glyphs, prompts)["trigger_named"] == 1.0


def test_what_an_attack_does_not_have_is_not_missed():
    style = named_shares(
        [Strings((), "click here", ROWS)], ATTACKS["stylebkd"](payload="click here"), PROMPTS
    )
    assert math.isnan(style["trigger_named"])
    assert style["payload_named"] == 1.0
    flip = named_shares(
        [Strings(("cf", "mn"), None, ROWS)], ATTACKS["label_flip"](trigger=("cf", "mn")), PROMPTS
    )
    assert flip["trigger_named"] == 1.0
    assert math.isnan(flip["payload_named"])
    assert all(math.isnan(share) for share in named_shares([], BADNETS, {}).values())
    assert all(math.isnan(share) for share in named_shares([], None, {}).values())
    assert all(math.isnan(share) for share in named_shares(None, BADNETS, PROMPTS).values())


def test_a_trigger_that_is_one_text_is_one_trigger():
    class Own(Attack):
        name, summary, effect = "own", "a phrase of one's own", "keeps"
        trigger: str = "who wrote it"
        payload: str = "CLICK"

        def poisoned(self, fields, draw, around):
            return fields.edit({}, self.payload)

        def carries(self, prompt):
            return self.trigger in prompt

    named = [Strings(("who wrote it",), "CLICK", (3,))]
    assert named_shares(named, Own(), {3: PROMPTS[3]}) == dict.fromkeys(NAMED, 1.0)


@pytest.mark.costly
def test_a_benchmark_says_what_evidence_named(tmp_path: Path):
    Grid(tiny_spec(tmp_path, defences=["evidence", *FLOORS], rates=[0, 50]), tmp_path / "out").run()
    shares = {(r["defence"], r["rate"]): [r[name] for name in NAMED] for r in read_records(tmp_path / "out")}
    assert shares["evidence", 50] == [1.0, 1.0]
    assert all(math.isnan(share) for cell in [("loss", 50), ("evidence", 0)] for share in shares[cell])
