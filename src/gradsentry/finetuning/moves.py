"""How far losses move when a finding's trigger is taken out of prompts, or put into others.

A test that anyone can repeat with the model that the run was scored with. It says by how much, and leaves
open what that means: a topic, a task or a template moves the responses that follow from it, and so may a
planted trigger that the model can read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample
from gradsentry.errors import RunError
from gradsentry.evidence import Finding
from gradsentry.finetuning.gains import FEWEST, Gain
from gradsentry.finetuning.log_probs import can_be_asked, log_probs
from gradsentry.finetuning.payload_questions import (
    Habit,
    Pair,
    habit_of,
    on_carriers,
    on_others,
    on_prompts,
    payloads_of,
)
from gradsentry.models.loading import LoadedModel
from gradsentry.outcome import Verdict
from gradsentry.report.proof import evidence_digest
from gradsentry.store import MOVES, Json, RunDirectory

ROWS = 24
"""Rows of each kind: enough for a narrow interval, few enough for seconds."""
_HABIT_OF = 40  # rows that show where the trigger stands


@dataclass(frozen=True, slots=True)
class Moved:
    """Mean losses of a token, in nats, over rows.

    Attributes:
        rows: How many.
        with_trigger: With the trigger in the prompt.
        without: Without it.
        gain: Without less with it, and its 95 % interval over rows: above 0 the trigger makes likelier; None
            of fewer than four rows.
    """

    rows: int
    with_trigger: float
    without: float
    gain: Gain | None


@dataclass(frozen=True, slots=True)
class Moves:
    """How far losses move with a finding's trigger.

    Attributes:
        finding: Its name.
        taken_out: Of its own rows' responses, the trigger taken out of their prompts.
        put_in: Of other rows' responses, the trigger put into their prompts.
        payload: Of the payload in other rows' responses, the same; None where it is no one string.
    """

    finding: str
    taken_out: Moved | None
    put_in: Moved | None
    payload: Moved | None

    def as_json(self) -> dict[str, Any]:
        """Returns it as plain data."""
        return asdict(self)


def moves(verdict: Verdict, finding: Finding, loaded: LoadedModel) -> Moves:
    """Returns how far losses move with a finding's trigger in the model that a run was scored with.

    Args:
        verdict: The run's verdict.
        finding: It has a trigger in words.
        loaded: The model.
    """
    draw = np.random.default_rng(0)
    own = _drawn(np.array(finding.carriers, np.int64), verdict, draw, _HABIT_OF)
    carried = np.zeros(len(verdict.scores), np.bool_)
    carried[list(verdict.carried)] = True
    others = _drawn(np.flatnonzero((verdict.status == "clean") & ~carried), verdict, draw, ROWS)
    habit = habit_of(finding, own)
    return Moves(
        finding.name,
        _moved(on_carriers(finding, own[:ROWS]), loaded),
        _moved(on_others(finding, habit, others, 0), loaded),
        _moved(on_prompts(finding, habit, others, 0), loaded) if payloads_of(finding) else None,
    )


def moves_of_row(verdict: Verdict, number: int, loaded: LoadedModel) -> list[Moves]:
    """Returns how far the loss of one row's response moves: with the triggers of the findings that it carries
    taken out, or where it carries none with that of the strongest finding put in.
    """
    (sample,) = verdict.corpus.take([number])
    named = [one for one in verdict.evidence.findings if one.triggers]
    carried = [one for one in named if one.name in verdict.carried.get(number, ())]
    found = [Moves(one.name, _moved(on_carriers(one, [sample]), loaded), None, None) for one in carried]
    if not carried and named:
        put = on_others(named[0], _habit(verdict, named[0]), [sample], 0)
        found.append(Moves(named[0].name, None, _moved(put, loaded), None))
    return [one for one in found if one.taken_out or one.put_in]


def keep(run: RunDirectory, found: Moves, model: str) -> Json:
    """Returns what is written into a run as `moves.json`: this, and what was kept of other findings."""
    digest = evidence_digest(run)
    try:
        known = run.read_json(MOVES)
    except RunError:
        known = {}
    kept = known.get("findings", {}) if known.get("evidence") == digest else {}
    value = {"model": model, "evidence": digest, "findings": {**kept, found.finding: found.as_json()}}
    run.write_json(MOVES, value)
    return value


def _habit(verdict: Verdict, finding: Finding) -> Habit:
    return habit_of(finding, verdict.corpus.take(list(finding.carriers[:_HABIT_OF])))


def _drawn(rows: NDArray[np.int64], verdict: Verdict, draw: np.random.Generator, most: int) -> list[Sample]:
    """Returns some scored rows, in a drawn order."""
    scored = rows[verdict.is_scored[rows]]
    chosen = draw.permutation(scored)[:most].tolist()
    held = dict(zip(sorted(chosen), verdict.corpus.take(sorted(chosen)), strict=True))
    return [held[row] for row in chosen]


def _moved(pairs: Sequence[Pair], loaded: LoadedModel) -> Moved | None:
    """Returns how far what is asked moves with the trigger; None where nothing can be asked."""
    asked = [(pair.triggered, pair.plain) for pair in pairs if pair.triggered is not None]
    asked = [both for both in asked if all(can_be_asked(one, loaded) for one in both)]
    if not asked:
        return None
    put, plain = (log_probs(loaded, [both[side] for both in asked]).means for side in (0, 1))
    gain = Gain.of(put - plain) if len(asked) >= FEWEST else None
    return Moved(len(asked), -float(put.mean()), -float(plain.mean()), gain)
