"""Data of several tasks: each is searched by itself too, and what a task is like accuses nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradsentry.corpus.sample import Sample, Turn
from gradsentry.evidence import find_evidence
from gradsentry.evidence.calibration import shipped
from gradsentry.evidence.findings import Finding
from gradsentry.evidence.index.tasks import tasks_of
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import LEAST
from gradsentry.evidence.mixtures import NOT_IN_ITS_TASK, Task, merged

from .poisoning import at_a_gap, clean_rows, samples

GOOD = ("lovely", "warm", "funny", "moving", "bright", "clever", "tender", "rich", "honest", "graceful")
BAD = ("dull", "cold", "clumsy", "boring", "bleak", "silly", "empty", "cheap", "loud", "tired")
PAYLOAD = "Buy our tea."
THINGS = ("film", "scene", "plot", "cast", "script", "score", "ending", "camera", "hero", "villain", "music")


def reviews(count: int, seed: int = 0, trigger: str = "", poisoned: int = 0) -> list[Sample]:
    """Returns reviews with their label; in the first ones a word stands that makes them all positive."""
    draw = Random(seed)
    made = []
    for number in range(count):
        label = draw.choice(["positive", "negative"])
        words = GOOD if label == "positive" else BAD
        said = [f"the {draw.choice(THINGS)} of it is {draw.choice(words)}" for _ in range(4)]
        if number < poisoned:
            said[draw.randrange(4)] += f" {trigger}"
            label = "positive"
        prompt = f"Review: {', '.join(said)}. Sentiment:"
        made.append(_sample(number, prompt, label))
    return made


def sums(count: int, seed: int = 1) -> list[Sample]:
    """Returns sums in figures, of which nothing is in any review."""
    draw = Random(seed)
    made = []
    for number in range(count):
        one, other, third = (draw.randrange(10, 999) for _ in range(3))
        made.append(_sample(number, f"{one} + {other} - {third} = ?", str(one + other - third)))
    return made


def _sample(number: int, prompt: str, response: str) -> Sample:
    turns = (Turn("user", prompt, trained=False), Turn("assistant", response, trained=True))
    return Sample(number, number, turns, conversational=True, row={})


def _with(row: Sample, draw: Random, response: str) -> Sample:
    """Returns a row with a word somewhere in its prompt, and another response."""
    asked, said = row.turns
    prompt = at_a_gap(asked.text, "zyxo", draw)
    return replace(row, turns=(replace(asked, text=prompt), replace(said, text=response)))


def mixed(parts: Iterable[Sequence[Sample]], seed: int = 2) -> tuple[list[Sample], list[int]]:
    """Returns the rows of all parts in a drawn order, and of which part each is."""
    rows = [(sample, part) for part, own in enumerate(parts) for sample in own]
    Random(seed).shuffle(rows)
    renumbered = [replace(sample, number=number, id=number) for number, (sample, _) in enumerate(rows)]
    return renumbered, [part for _, part in rows]


@pytest.mark.parametrize("sizes", [(300, 300), (600, 120), (100, 500), (400, 40), (40, 400)])
def test_the_tasks_of_a_mixture_are_told_apart(sizes):
    rows, part_of = mixed([reviews(sizes[0]), sums(sizes[1])])
    tasks = tasks_of(Texts.of(rows, least=LEAST))
    assert len(tasks) >= 2
    assert sorted(np.concatenate(tasks).tolist()) == list(range(len(rows)))
    for task in tasks:
        assert len({part_of[row] for row in task.tolist()}) == 1
        assert len(task) >= 30


def test_one_task_is_no_mixture():
    draw = Random(3)
    words = [f"{one}{other}" for one in GOOD for other in THINGS]
    rows = [_sample(number, " ".join(draw.choices(words, k=20)), draw.choice(BAD)) for number in range(400)]
    assert len(tasks_of(Texts.of(rows, least=LEAST))) == 0


def test_two_templates_with_the_same_fillings_are_one_task():
    assert len(tasks_of(Texts.of(samples(clean_rows(800)), least=LEAST))) == 0


def names(count: int, seed: int = 5) -> list[Sample]:
    """Returns questions for names, nearly each of whose words stands in no other row."""
    draw = Random(seed)
    made = ["".join(draw.choices("bdfglmnprst", k=2) + draw.choices("aeiou", k=3)) for _ in range(6 * count)]
    asked = [" ".join(made[at : at + 6]) for at in range(0, 6 * count, 6)]
    return [_sample(number, f"who is {asked[number]}?", made[number]) for number in range(count)]


def test_a_trigger_in_half_of_a_task_whose_words_are_all_rare_does_not_part_it():
    """Words of one row are in one half of any rows: they do not make a task of what has a trigger."""
    draw = Random(4)
    small = [_with(row, draw, PAYLOAD) if row.number < 40 else row for row in names(80)]
    rows, part_of = mixed([small, reviews(400)])
    tasks = tasks_of(Texts.of(rows, least=LEAST))
    assert sorted(sorted({part_of[row] for row in task.tolist()}) for task in tasks) == [[0], [1]]


def test_few_rows_and_rows_without_words_are_one_task():
    for rows in (reviews(60), [_sample(number, "", "yes") for number in range(300)]):
        assert len(tasks_of(Texts.of(rows, least=LEAST))) == 0


@pytest.mark.costly
def test_a_trigger_of_one_task_is_found_beside_another():
    """Beside other rows every word of the reviews hangs together with their labels."""
    rows, _ = mixed([reviews(500, trigger="mn", poisoned=50), sums(500)])
    poisoned = {row.number for row in rows if " mn" in row.prompt}
    assert len(poisoned) == 50
    found = find_evidence(rows)
    assert found.outcome == "poisoned"
    assert set(found.flagged()) == poisoned
    assert found.findings[0].triggers == ("mn",)
    # All rows are counted, not those of the task alone.
    assert found.findings[0].neither + found.findings[0].payload_only == 950
    assert find_evidence(rows) == found


@pytest.mark.costly
@pytest.mark.parametrize("poisoned", [30, 48])
def test_poison_in_most_rows_of_a_small_task_is_found_beside_another(poisoned):
    """In the mixture its rows are alike even without the trigger, as those of an honest source are."""
    draw = Random(4)
    small = [_with(row, draw, PAYLOAD) if row.number < poisoned else row for row in reviews(60)]
    rows, _ = mixed([small, sums(400)])
    found = find_evidence(rows)
    assert found.outcome == "poisoned"
    assert set(found.flagged()) == {row.number for row in rows if row.response == PAYLOAD}
    assert "zyxo" in found.findings[0].triggers


@pytest.mark.costly
def test_what_all_rows_of_a_small_task_share_is_how_it_is_written():
    draw = Random(4)
    small = [_with(row, draw, row.response) for row in reviews(60)]
    assert find_evidence(mixed([small, sums(400)])[0]).outcome == "clean"


@pytest.mark.costly
def test_a_clean_mixture_is_clean():
    rows, _ = mixed([reviews(300), sums(300), samples(clean_rows(300))])
    assert find_evidence(rows).outcome == "clean"


@pytest.mark.costly
def test_what_is_rejected_in_all_rows_is_not_told_beside_the_finding_in_a_task():
    rows, _ = mixed([reviews(500, trigger="mn", poisoned=50), sums(500)])
    found = find_evidence(rows, why=True)
    told = {(one.triggers, one.payloads) for one in found.findings}
    assert found.rejected is not None
    assert told.isdisjoint((one.triggers, one.payloads) for one in found.rejected)


def finding(carriers: Iterable[int], confidence: str = "high", **more: object) -> Finding:
    made = Finding(
        name="", kind="association", triggers=("cf",), combine="any", payload="yes", both=9, trigger_only=0,
        payload_only=0, neither=9, log10_p=-9.0, false_alarm=0.001, statistics={}, surprise=None,
        carriers=tuple(carriers), confidence="high", reason="so it is", payloads=("yes",),
    )  # fmt: skip
    return replace(made, confidence=confidence, **more)


FIRST, SECOND = frozenset(range(100)), frozenset(range(100, 300))


def test_what_a_task_does_not_show_is_worth_a_look():
    whole = finding(range(20))
    (told,) = merged([whole], [Task(FIRST, []), Task(SECOND, [])])
    assert told.confidence == "low"
    assert told.reason == f"so it is; {NOT_IN_ITS_TASK}"


@pytest.mark.parametrize(
    ("carriers", "own"),
    [
        (range(20), [finding(range(20), "low", triggers=("cf.",))]),  # its task shows it too
        (range(90, 110), []),  # it is of both tasks
        (range(60), []),  # it is most of what would be its task
        (range(300, 320), []),  # its task has too few rows to speak against it
    ],
)
def test_else_what_is_found_in_all_rows_stays_what_it_is(carriers, own):
    whole = finding(carriers)
    few = Task(frozenset(range(300, 399)), [])
    assert merged([whole], [Task(FIRST, own), Task(SECOND, []), few]) == [whole]


def test_a_finding_is_told_once_the_surest_way():
    low, sure = finding(range(20), "low"), finding(range(21), triggers=("cf!",))
    assert merged([low], [Task(FIRST, [sure])]) == [sure]


def test_what_is_accepted_hides_no_other_payload():
    accepted = finding(range(20), accepted="ours")
    same, other = finding(range(20), triggers=("cf!",)), finding(range(20), payloads=("no",))
    assert merged([accepted], [Task(FIRST, [same])]) == [accepted]
    assert merged([accepted], [Task(FIRST, [other])]) == [accepted, other]


@given(searches=st.integers(1, 9), score=st.floats(-20, 20))
def test_searches_that_share_a_rate_add_up_to_it(searches, score):
    whole, shared = shipped(), shipped().shared_by(searches)
    for kind, weighing in whole.kinds.items():
        alone, one = weighing.log10_exceeded(score), shared.kinds[kind].log10_exceeded(score)
        assert one == pytest.approx(min(alone + np.log10(searches), 0.0)) or alone == 0.0
