"""Verdicts -> SARIF 2.1.0, which code-scanning pages read: a result a row that is flagged or has a finding.

What was not judged stands among the notifications of the tool: of a corpus in its own run, what is in none of
them in each. An execution that a gate refuses was not successful: its results are no word on all that was
named.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gradsentry.about import VERSION
from gradsentry.deciding.gate import Asked, Judged, Passage
from gradsentry.evidence.wording import certain, plain, uncertain
from gradsentry.integrations.places import Place, named_numbers, named_places

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision
    from gradsentry.evidence import Finding
    from gradsentry.settings import Answers

MOST = 5000
"""Results in a file: GitHub takes no more of a run, and shows the first."""
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_MARKED = {"id": "marked", "shortDescription": {"text": "A row that a person marked or the score flags"}}

Json = dict[str, Any]


def sarif(
    verdicts: Sequence[Decision],
    judged: Judged,
    asked: Asked = Asked(),  # noqa: B008  (frozen)
    category: str = "gradsentry",
) -> Json:
    """Returns verdicts as a SARIF log, a run each; a rule is a finding, a result a row that carries it.

    Args:
        verdicts: Of each corpus one; none where nothing was data.
        judged: What was judged, all together.
        asked: What the gate asks; if not given, nothing.
        category: What the categories of several runs begin with, which differ in the format.
    """
    parts, passage = [Judged.of(verdict) for verdict in verdicts], asked.passage(judged)
    in_none = judged.in_no_part(parts)
    runs = [
        _run(verdict, _invocation(part, in_none, passage))
        for verdict, part in zip(verdicts, parts, strict=True)
    ]
    if len(runs) > 1:  # GitHub takes several runs of one file where each has a category of its own
        for run, verdict in zip(runs, verdicts, strict=True):
            run["automationDetails"] = {"id": f"{category}/{verdict.corpus.format}/"}
    alone = _invocation(judged, (), passage)
    nothing = {"tool": _tool(VERSION, []), "invocations": [alone], "results": []}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": runs or [nothing]}


def _invocation(part: Judged, in_none: Sequence[str], passage: Passage) -> Json:
    """Returns what is told of a run: what the gate says of all runs, and what its own results are not on."""
    is_refused = passage.result == "refused"
    told = [_notification("error", f"{passage.why}; {passage.mend}")] if is_refused else []
    told += [_notification("warning", f"not judged: {clause}") for clause in (*part.aside, *in_none)]
    if part.too_few_rows:
        told.append(_notification("note", part.said))
    return {"executionSuccessful": not is_refused, "toolExecutionNotifications": told}


def _notification(level: str, text: str) -> Json:
    return {"level": level, "message": {"text": text}}


def _run(verdict: Decision, invocation: Json) -> Json:
    open_ones = verdict.open_findings
    rules = [*(_rule(one, verdict.answers, one in open_ones) for one in verdict.evidence.findings), _MARKED]
    places = named_places(verdict, MOST)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    return {
        "tool": _tool(verdict.manifest["versions"]["gradsentry"], rules),
        "invocations": [{**invocation, "startTimeUtc": verdict.manifest["started"]}],
        "properties": {
            "verdict": verdict.outcome,
            "answers": verdict.answers,
            "counts": verdict.counts,
            "rowsLeftOut": max(len(named_numbers(verdict)) - MOST, 0),
            "dataSha256": verdict.manifest["identity"]["data"]["sha256"],
        },
        "results": [
            _result(place, index, verdict.answers) | {"partialFingerprints": {"row/v2": mark}}
            for place, mark in zip(places, _fingerprints(places), strict=True)
        ],
    }


def _tool(version: str, rules: Sequence[Json]) -> Json:
    return {"driver": {"name": "GradSentry", "semanticVersion": version, "rules": list(rules)}}


def _rule(finding: Finding, answers: Answers | None, is_open: bool) -> Json:
    kind = f"{finding.kind} in the rejected answers" if answers == "rejected" else finding.kind
    return {
        "id": finding.name,
        "name": f"Backdoor{finding.kind.capitalize()}",
        "shortDescription": {"text": f"{kind}: {plain(certain(finding))}"},
        "fullDescription": {
            "text": uncertain(finding)
            if finding.accepted is None
            else f"A person accepts it: {finding.accepted}"
        },
        "defaultConfiguration": {"level": _level(finding) if is_open else "note"},
        "properties": {
            "tags": ["security"],
            "confidence": finding.confidence,
            "accepted": finding.accepted,
        },
    }


def _level(finding: Finding) -> str:
    return "error" if finding.confidence == "high" else "warning"


def _result(place: Place, index: dict[str, int], answers: Answers | None) -> Json:
    rule = place.findings[0] if place.findings else _MARKED["id"]
    name = str(place.sample.id)
    reason = f"its rejected answer: {place.reason}" if answers == "rejected" else place.reason
    location: Json = {"logicalLocations": [{"name": name, "fullyQualifiedName": place.name, "kind": "row"}]}
    if place.file:
        region = {"region": {"startLine": place.line}} if place.line else {}
        location["physicalLocation"] = {"artifactLocation": {"uri": quote(place.file)}, **region}
    return {
        "ruleId": rule,
        "ruleIndex": index[str(rule)],
        "level": "error" if place.flagged else "warning",
        "message": {"text": f"{called}: {reason}" if (called := _called(place)) else reason},
        "locations": [location],
    }


def _called(place: Place) -> str:
    """Returns what a message calls a row: its id, or its place in its file; nothing where a line says that.

    Its number of all rows, where it has no id, would be taken for another line, or another row of its file.
    """
    if place.sample.id != place.sample.number:
        return f"row {place.sample.id}"
    return "" if place.line else place.name


def _fingerprints(places: Sequence[Place]) -> list[str]:
    """Returns what tells each row by its texts: it stays the same result where rows before it come or go."""
    seen: Counter[str] = Counter()
    marks = []
    for place in places:
        texts = [(turn.role, turn.text) for turn in (*place.sample.turns, *place.sample.rejected)]
        digest = hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]
        seen[digest] += 1
        marks.append(f"{digest}:{seen[digest]}")
    return marks
