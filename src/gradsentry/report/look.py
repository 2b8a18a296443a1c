"""The rows that a person looks at first: a few that show the findings, or stand out most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from gradsentry.corpus import Sample
from gradsentry.evidence import Finding
from gradsentry.report.group_details import Apart
from gradsentry.report.pieces import Mark, Piece, in_line, pieces, shown
from gradsentry.report.rowdata import payload_marks, row_name, trigger_marks

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

SHOWN = 7
_BEFORE, _LENGTH = 40, 240
"""Characters before a trigger, and of an excerpt."""


def rows_to_look_at(verdict: Decision, findings: Sequence[Finding], apart: Mapping[str, Apart]) -> list[int]:
    """Returns the numbers of at most seven rows: of each finding in turn, then those that stand out most.

    Args:
        verdict: The verdict.
        findings: Those whose rows are shown, the strongest first.
        apart: What the rows of groups share, by their names.
    """
    still_open = [one for one in findings if one.accepted is None]
    of_each = [
        apart[one.name].typical if one.name in apart else [example.row for example in one.examples]
        for one in still_open
    ]
    in_turn = (row for turn in zip_longest(*of_each) for row in turn if row is not None)
    return list(islice(dict.fromkeys(chain(in_turn, _standing_out(verdict))), SHOWN))


def shown_rows(
    verdict: Decision, numbers: Sequence[int], samples: Mapping[int, Sample]
) -> list[dict[str, Any]]:
    """Returns what the page says of such rows: the prompt around its trigger, the response from its payload.

    Args:
        verdict: The verdict.
        numbers: Which rows.
        samples: At least these rows, by number.
    """
    findings = {finding.name: finding for finding in verdict.evidence.findings}
    made = []
    for sample in (samples[number] for number in numbers):
        carried = [findings[name] for name in verdict.carried.get(sample.number, ())]
        prompt, response = sample.prompt, sample.response
        made.append(
            {
                "number": sample.number,
                "id": row_name(sample),
                "prompt": _from_mark(prompt, trigger_marks(prompt, carried), _BEFORE),
                "response": _from_mark(response, payload_marks(response, carried), 0),
                "reason": pieces(verdict.reason(sample.number)),
            }
        )
    return made


def _standing_out(verdict: Decision) -> Iterator[int]:
    """Yields flagged rows and then those to review, of each those farthest above what is expected first."""
    scores = verdict.scores["score"].to_numpy()
    excess = np.nan_to_num(scores - verdict.expected, nan=-np.inf)
    for mask in (verdict.is_flagged, verdict.needs_review & ~verdict.is_flagged):
        rows = np.flatnonzero(mask)
        yield from rows[np.argsort(-excess[rows], kind="stable")].tolist()


def _from_mark(text: str, marks: Sequence[Mark], before: int) -> list[Piece]:
    """Returns an excerpt that begins so many characters before the first mark, or where the text does."""
    first = max(min((begin for begin, _, _ in marks), default=0) - before, 0)
    moved = [(begin - first, end - first, kind) for begin, end, kind in marks]
    cut = [("… ", "omitted")] if first else []
    return [*cut, *in_line(shown(text[first:].rstrip("\n"), moved, limit=_LENGTH))]
