"""The findings that a person accepted, as a list: those in this data, and those that are none in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradsentry.evidence.accepting import Accepted
from gradsentry.report.pieces import Piece, pieces, quoted
from gradsentry.report.words import finding_sentence

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision


def accepted_list(verdict: Decision) -> list[dict[str, Any]]:
    """Returns a line for each accepted finding: its name here, what it says, and why it is accepted."""
    here = [
        {"name": one.name, "said": finding_sentence(one), "why": pieces(one.accepted)}
        for one in verdict.evidence.findings
        if one.accepted is not None
    ]
    known = [Accepted.model_validate(one) for one in verdict.manifest.get("evidence", {}).get("accepted", ())]
    found = [
        Accepted.of_finding(one, 1, "-", verdict.answers or "chosen") for one in verdict.evidence.findings
    ]
    told = [one for one in known if any(one.tells(each) or one.is_named_by(each) for each in found)]
    gone = {one.identity: one for one in known if one not in told}
    return here + [{"name": "", "said": _said(one), "why": pieces(one.why)} for one in gone.values()]


def _said(one: Accepted) -> list[Piece]:
    """Returns what an accepted finding is that this data does not hold."""
    triggers, payloads = (
        [piece for text in texts for piece in (*quoted(text, kind), (" ", ""))]
        for texts, kind in ((one.triggers, "trigger"), (one.payloads, "payload"))
    )
    arrow = [("→ ", "")] if triggers and payloads else []
    said = [*triggers, *arrow, *payloads] or [(f"{one.change} ", "")]
    return [(f"Not a finding in this data: {one.kind} ", ""), *said]
