"""Verdict -> SARIF 2.1.0, which code-scanning pages read: a result a row that is flagged or has a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gradsentry.evidence.wording import certain, plain, uncertain
from gradsentry.integrations.places import Place, named_numbers, named_places

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision
    from gradsentry.evidence import Finding

MOST = 5000
"""Results in a file: GitHub takes no more of a run, and shows the first."""
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_MARKED = {"id": "marked", "shortDescription": {"text": "A row that a person marked or the score flags"}}


def sarif(verdict: Decision) -> dict[str, Any]:
    """Returns a verdict as a SARIF log; a rule is a finding, a result a row that carries it."""
    rules = [*map(_rule, verdict.evidence.findings), _MARKED]
    places = named_places(verdict, MOST)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "GradSentry",
                        "semanticVersion": verdict.manifest["versions"]["gradsentry"],
                        "rules": rules,
                    }
                },
                "invocations": [
                    {"executionSuccessful": True, "startTimeUtc": verdict.manifest["started"]},
                ],
                "properties": {
                    "verdict": verdict.outcome,
                    "counts": verdict.counts,
                    "rowsLeftOut": max(len(named_numbers(verdict)) - MOST, 0),
                    "dataSha256": verdict.manifest["identity"]["data"]["sha256"],
                },
                "results": [_result(place, index) for place in places],
            }
        ],
    }


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.name,
        "name": f"Backdoor{finding.kind.capitalize()}",
        "shortDescription": {"text": f"{finding.kind}: {plain(certain(finding))}"},
        "fullDescription": {"text": uncertain(finding)},
        "defaultConfiguration": {"level": "error" if finding.confidence == "high" else "warning"},
        "properties": {"tags": ["security"], "confidence": finding.confidence},
    }


def _result(place: Place, index: dict[str, int]) -> dict[str, Any]:
    rule = place.findings[0] if place.findings else _MARKED["id"]
    name = str(place.sample.id)
    location: dict[str, Any] = {
        "logicalLocations": [{"name": name, "fullyQualifiedName": place.sample.origin, "kind": "row"}]
    }
    if place.file:
        region = {"region": {"startLine": place.line}} if place.line else {}
        location["physicalLocation"] = {"artifactLocation": {"uri": quote(place.file)}, **region}
    return {
        "ruleId": rule,
        "ruleIndex": index[str(rule)],
        "level": "error" if place.flagged else "warning",
        "message": {"text": f"row {name}: {place.reason}"},
        "locations": [location],
        "partialFingerprints": {"row/v1": f"{place.sample.split}/{name}"},
    }
