"""Findings -> cards: trigger and payload, counts, example rows with both marked; groups taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gradsentry.corpus import Sample
from gradsentry.evidence import Example, Finding
from gradsentry.evidence.wording import accident
from gradsentry.report.group_details import Apart, places_of, strength
from gradsentry.report.pieces import Mark, Piece, in_line, pieces, shown
from gradsentry.report.rowdata import row_name, shade_marks
from gradsentry.report.words import finding_sentence

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

SHOWN = 20
"""Cards on a page; `evidence.json` has all findings."""
_TRIGGERS, _LENGTH, _SHOWN_TEXT = 12, 2000, 300


def card(
    finding: Finding, verdict: Decision, samples: Mapping[int, Sample], apart: Apart | None
) -> dict[str, Any]:
    """Returns what a card shows.

    Args:
        finding: The finding.
        verdict: The verdict it is part of.
        samples: The rows of its examples, by number.
        apart: What the rows of a group share; None of a finding of another kind.
    """
    return {
        "name": finding.name,
        "kind": finding.kind,
        "confidence": finding.confidence,
        "accepted": None if finding.accepted is None else pieces(finding.accepted),
        "returned": finding.returned,
        "sentence": finding_sentence(finding) if apart is None else _stands(finding),
        "triggers": [
            shown(one, [(0, len(one), "trigger")], limit=_LENGTH) for one in finding.triggers[:_TRIGGERS]
        ],
        "more_triggers": max(len(finding.triggers) - _TRIGGERS, 0),
        "combine": finding.combine,
        "payload": None
        if finding.payload is None
        else in_line(shown(finding.payload, [(0, len(finding.payload), "payload")], limit=_LENGTH)),
        "both": finding.both,
        "trigger_only": finding.trigger_only,
        "payload_only": finding.payload_only,
        "neither": finding.neither,
        "together": finding.together is not None,
        "accident": accident(finding),
        "surprise": _surprise(finding),
        "rows": len(finding.carriers),
        "cleared": int(verdict.marked.clean[list(finding.carriers)].sum()),
        "condemned": int(verdict.marked.poisoned[list(finding.carriers)].sum()),
        "reason": pieces(finding.reason),
        "examples": [] if apart else [_example(one, verdict, samples[one.row]) for one in finding.examples],
        "group": None if apart is None else _group(finding, apart, samples),
    }


def _stands(finding: Finding) -> list[Piece]:
    tail = finding.both + finding.trigger_only
    said = f"{finding.both:,} of {tail:,} rows with prompts of one kind are answered in one way"
    if finding.both == tail:
        said = f"{tail:,} rows with prompts of one kind are answered otherwise than these ask for"
    return [(f"The clean model tells them: {said}.", "")]


def _group(finding: Finding, apart: Apart, samples: Mapping[int, Sample]) -> dict[str, Any]:
    """Returns what the card of a group shows in place of trigger and payload."""
    return {
        "strength": [(one.part, one.value, pieces(one.said)) for one in strength(finding)],
        "shared": [
            (f"What its {name} share", [pieces(one) for one in apart.said(name)])
            for name in ("prompts", "responses")
        ],
        "rows": [
            ("Rows of the group, the most typical first", _whole(apart, samples, apart.typical)),
            ("The rows outside that lie nearest to it", _whole(apart, samples, apart.neighbours)),
        ],
    }


def _whole(apart: Apart, samples: Mapping[int, Sample], numbers: Iterable[int]) -> list[dict[str, Any]]:
    """Returns rows with what the group shares marked in them."""
    made = []
    for sample in (samples[number] for number in numbers):
        texts = {}
        for name, text in (("prompt", sample.prompt), ("response", sample.response)):
            strings = apart.prompts if name == "prompt" else apart.responses
            marks = [(*place, "shared") for place in places_of(text, strings)]
            texts[name] = in_line(shown(text, marks, limit=_SHOWN_TEXT))
        made.append({"id": row_name(sample), **texts})
    return made


def _surprise(finding: Finding) -> list[tuple[str, str]]:
    """Returns how unexpected the payload is to a clean model, as names and losses."""
    found = finding.surprise
    if found is None:
        return []
    losses = {
        "the payload, mean of its tokens": found.inside,
        "its first three tokens": found.first,
        "its least likely token": found.largest,
        "the other tokens of the same rows": found.elsewhere,
        "rows at large": found.at_large,
        "the least likely token of rows at large": found.largest_at_large,
    }
    return [(name, f"{value:.1f}") for name, value in losses.items() if value is not None]


def _example(example: Example, verdict: Decision, sample: Sample) -> dict[str, Any]:
    scores = verdict.scores.row(example.row)
    # The stretch of the response as it stands in the whole, whose tokens have their losses.
    begin = max(sample.response.find(example.response), 0)
    end = begin + len(example.response)
    tones = [
        (max(first - begin, 0), min(last, end) - begin, tone)
        for first, last, tone in shade_marks(scores)
        if first < end and last > begin
    ]
    return {
        "number": example.row,
        "id": row_name(sample),
        "prompt": _stretch(example.prompt, sample.prompt, [(*span, "trigger") for span in example.triggers]),
        "response": _stretch(
            example.response, sample.response, [*tones, *((*span, "payload") for span in example.payloads)]
        ),
        "shaded": bool(tones),
    }


def _stretch(part: str, whole: str, marks: list[Mark]) -> list[Piece]:
    """Returns the pieces of a part of a text, with an ellipsis where the text goes on."""
    before = [] if whole.startswith(part) else [("… ", "omitted")]
    after = [] if whole.endswith(part) else [(" …", "omitted")]
    return [*before, *in_line(pieces(part, marks)), *after]
