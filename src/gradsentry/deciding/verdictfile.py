"""The content of `verdict.json`."""

from __future__ import annotations

from gradsentry.deciding.decision import Decision
from gradsentry.evidence import Finding
from gradsentry.store import Json

SCHEMA_VERSION = 1
"""Of `verdict.json`: a higher one where a key went or means something else."""


def verdict_json(verdict: Decision) -> Json:
    """Returns the content of `verdict.json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "gradsentry", "version": verdict.manifest["versions"]["gradsentry"]},
        "data_sha256": verdict.manifest["identity"]["data"]["sha256"],
        "verdict": verdict.outcome,
        "too_few_rows": verdict.too_few_rows,
        "policy": verdict.policy,
        "read": verdict.read.as_json() if verdict.read else None,
        "counts": verdict.counts,
        "left_out": list(verdict.left_out),
        "false_alarm_rate": verdict.evidence.false_alarm_rate,
        "calibration": verdict.evidence.calibration,
        "tau": verdict.threshold and verdict.threshold.tau,
        "tau_method": verdict.threshold and verdict.threshold.method,
        "tau_is_fallback": verdict.threshold and verdict.threshold.fallback,
        "tau_reason": verdict.threshold and verdict.threshold.reason,
        "rows_above_tau": int(verdict.is_above.sum()),
        "marks": verdict.marked.as_json(),
        "expectation": verdict.expectation.source if verdict.expectation else None,
        "single_rows": verdict.singles.as_json() if verdict.singles else None,
        "findings": [_brief(finding) for finding in verdict.evidence.findings],
        "stands_out": verdict.evidence.stands_out and _brief(verdict.evidence.stands_out),
    }


def _brief(finding: Finding) -> Json:
    """Returns a finding without its rows, but for their number; `evidence.json` holds them."""
    of_rows = ("carriers", "partly", "examples", "rows_sha256", "also")
    return {key: value for key, value in finding.as_json().items() if key not in of_rows} | {
        "rows": len(finding.carriers)
    }
