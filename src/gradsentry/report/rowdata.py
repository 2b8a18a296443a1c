"""Rows -> what a page holds of each, within a budget of bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsentry.corpus import Sample
from gradsentry.corpus.lines import place_of
from gradsentry.encoding.alignment import token_starts
from gradsentry.evidence import Finding
from gradsentry.gradients.windows import anomaly
from gradsentry.report.pieces import Mark, Piece, loss_marks, packed, pieces, places, shown
from gradsentry.report.selection import Selection

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

TEXT_BYTES = 3_500_000
"""Of prompts and responses in a page; long ones give way first."""
SHADE_BYTES = 1_000_000
"""Of what shading the responses' tokens adds; the first rows have it."""
_LABEL = 60  # characters of an id
_EXACT = 1 << 53  # integers from here on lose digits in a browser


def row_data(verdict: Decision, chosen: Selection, samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Returns the chosen rows as JSON values; texts are lists of pieces.

    Args:
        verdict: The verdict.
        chosen: Which rows.
        samples: Those rows, in the same order.
    """
    table = verdict.scores.take(chosen.numbers).to_pylist()
    limit = _fair_limit([_size(text) for one in samples for text in (one.prompt, one.response)], TEXT_BYTES)
    findings = {finding.name: finding for finding in verdict.evidence.findings}
    shade, made, given = SHADE_BYTES, [], verdict.marked.given()
    for scores, sample in zip(table, samples, strict=True):
        names = verdict.carried.get(sample.number, ())
        carried = [findings[name] for name in names]
        prompt, response = _cut(sample.prompt, limit), _cut(sample.response, limit)
        plain = packed(shown(sample.response, payload_marks(sample.response, carried), limit=response))
        shaded = plain
        if shade > 0 and (tones := shade_marks(scores)):
            marks = [*tones, *payload_marks(sample.response, carried)]
            shaded = packed(shown(sample.response, marks, limit=response))
            shade -= len(json.dumps(shaded)) - len(json.dumps(plain))
        made.append(
            {
                "number": sample.number,
                "label": packed(shown(_own_name(sample), limit=_LABEL)),
                "split": packed(shown(sample.split)),
                "id": sample.id if isinstance(sample.id, str) or abs(sample.id) < _EXACT else str(sample.id),
                "score": scores["score"],
                "tokens": scores["n_response"],
                "expected": _rounded(verdict.expected[sample.number]),
                "loss": _rounded(scores["loss"]),
                "window": _window(scores),
                "by_findings": bool(chosen.by_findings[sample.number]),
                "mark": given.get(sample.number),
                "needs_review": bool(chosen.needs_review[sample.number]),
                "findings": list(names),
                "reason": packed(pieces(verdict.reason(sample.number))),
                "note": packed(pieces(scores["reason"])),
                "prompt": packed(shown(sample.prompt, trigger_marks(sample.prompt, carried), limit=prompt)),
                "response": shaded,
                "spectrum": [float(f"{value:.3g}") for value in scores["spectrum"] or ()],
            }
        )
    return made


def row_name(sample: Sample) -> list[Piece]:
    """Returns what a row is called outside of the table, and its split where the data has several."""
    name = _own_name(sample)
    return shown(f"{name} of {sample.split}" if sample.split else name, limit=_LABEL)


def _own_name(sample: Sample) -> str:
    """Returns a row's id; where that is but its number, from 0, its place in its file if it has one."""
    return (place_of(sample, short=True) if sample.id == sample.number else "") or str(sample.id)


def trigger_marks(prompt: str, findings: Sequence[Finding]) -> list[Mark]:
    """Returns where the triggers of findings stand in a prompt."""
    needles = {trigger for finding in findings for trigger in finding.triggers}
    return [(*place, "trigger") for needle in sorted(needles) for place in places(prompt, needle)]


def payload_marks(response: str, findings: Sequence[Finding]) -> list[Mark]:
    """Returns where the payloads of findings stand in a response."""
    needles = {payload for finding in findings for payload in finding.payloads}
    return [(*place, "payload") for needle in sorted(needles) for place in places(response, needle)]


def shade_marks(scores: dict[str, Any]) -> list[Mark]:
    """Returns the marks of a response's tokens by loss, and of its window.

    Args:
        scores: The row of the score table.
    """
    if not scores["token_ends"]:
        return []
    ends = np.array(scores["token_ends"], np.int32)
    window = scores["window_chars"]
    return [
        *loss_marks(scores["token_losses"], token_starts(ends).tolist(), ends.tolist()),
        *([(window[0], window[1], "window")] if window else []),
    ]


def _window(scores: dict[str, Any]) -> dict[str, float | None] | None:
    """Returns the figures of a row's window, or None where it has none."""
    if scores["window_loss"] is None or scores["window_entropy"] is None:
        return None
    loss, entropy = scores["window_loss"], scores["window_entropy"]
    return {
        "tokens": scores["window"][1] - scores["window"][0],
        "loss": _rounded(loss),
        "entropy": _rounded(entropy),
        "anomaly": _rounded(float(anomaly(np.array(loss), np.array(entropy)))),
    }


def _cut(text: str, limit: float) -> int | None:
    """Returns to how many characters a text is cut so that it has at most `limit` bytes; None: it is not."""
    size = _size(text)
    return None if size <= limit else int(len(text) * limit / size)


def _fair_limit(sizes: list[int], budget: int) -> float:
    """Returns the greatest limit with which the sizes, each cut to it, sum up to no more than the budget."""
    left = float(budget)
    for place, size in enumerate(sorted(sizes)):
        share = left / (len(sizes) - place)
        if size > share:
            return share
        left -= size
    return float("inf")


def _size(text: str) -> int:
    """Returns the bytes of a text in the page."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "backslashreplace"))


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(f"{value:.4g}")
