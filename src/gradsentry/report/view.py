"""Verdict -> plain data for a page: what its template writes, and what its scripts draw and count with."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gradsentry.evidence import Finding
from gradsentry.evidence.wording import OPEN
from gradsentry.report.accepted import accepted_list
from gradsentry.report.cards import SHOWN as CARDS
from gradsentry.report.cards import card
from gradsentry.report.comparison import Comparison
from gradsentry.report.corpusmap import CorpusMap, corpus_map
from gradsentry.report.distribution import beside_length, counts_above, curve, expected_at
from gradsentry.report.glossary import GLOSSARY, meaning
from gradsentry.report.group_details import Apart, taken_apart
from gradsentry.report.look import rows_to_look_at, shown_rows
from gradsentry.report.moves import read_moves
from gradsentry.report.moves import said as said_of
from gradsentry.report.pieces import LOSS_EDGES, pieces, shown
from gradsentry.report.proof import proof
from gradsentry.report.provenance import what_was_run
from gradsentry.report.rowdata import row_data, row_name
from gradsentry.report.selection import MARGIN, Selection, select
from gradsentry.report.words import accept_command, command, explain_command, threshold_command, words
from gradsentry.store import RunDirectory

if TYPE_CHECKING:
    from gradsentry.corpus import Sample
    from gradsentry.deciding.decision import Decision

_MISSED, _EXCERPT = 100, 400


def view(verdict: Decision, run: RunDirectory, comparison: Comparison | None = None) -> dict[str, Any]:
    """Returns what the report shows: plain values; `data` is what the page's scripts work with.

    Args:
        verdict: The verdict.
        run: The directory that its files lie in.
        comparison: The verdict beside the truth, where that is known.
    """
    findings = verdict.findings[:CARDS]
    stands_out = verdict.evidence.stands_out
    told = findings if stands_out is None else (*findings, stands_out)
    apart = {one.name: taken_apart(one, verdict) for one in told if one.kind == "group"}
    looked_at = rows_to_look_at(verdict, told, apart)
    examples = (*looked_at, *(one.row for finding in told for one in finding.examples))
    examples += tuple(row for one in apart.values() for row in (*one.typical, *one.neighbours))
    chosen = select(verdict, examples)
    drawn = corpus_map(verdict, findings)
    missed = (comparison.missed + comparison.wrong)[:_MISSED] if comparison else ()
    wanted = sorted({*chosen.numbers.tolist(), *examples, *missed})
    samples = dict(zip(wanted, verdict.corpus.take(wanted), strict=True))
    said = words(verdict, run)
    return {
        "name": verdict.manifest["source"]["name"],
        "outcome": verdict.outcome,
        "policy": verdict.policy,
        "words": said,
        "counts": verdict.counts,
        "look": shown_rows(verdict, looked_at, samples),
        "accepted": accepted_list(verdict),
        "cards": _cards(verdict, run, findings, samples, apart),
        "stands_out": stands_out and card(stands_out, verdict, samples, apart.get(stands_out.name)),
        "more_findings": len(verdict.evidence.findings) - len(findings),
        "chances": [f"1 in {math.exp(edge):,.0f}" for edge in LOSS_EDGES if verdict.threshold],
        "open": OPEN,
        "glossary": GLOSSARY,
        "meaning": meaning,
        "tau": verdict.threshold and verdict.threshold.tau,
        "tau_reason": verdict.threshold and verdict.threshold.reason,
        "shown_rows": len(chosen.numbers),
        "left_out": _left_out(verdict, chosen),
        "not_judged": verdict.left_out,
        "files": _files(run, said.clean),
        "unscored": _unscored(verdict),
        "run": what_was_run(verdict),
        "map": drawn and _drawn(drawn, findings),
        "proof": proof(run),
        "comparison": _compared(verdict, comparison, samples) if comparison else None,
        "data": _for_scripts(verdict, run, chosen, samples, comparison)
        | {"map": drawn and drawn.as_json(findings)},
    }


def _cards(
    verdict: Decision,
    run: RunDirectory,
    findings: tuple[Finding, ...],
    samples: dict[int, Sample],
    apart: dict[str, Apart],
) -> list[dict[str, Any]]:
    """Returns the card of each finding, with how to accept it and how far its trigger moves losses."""
    moved = read_moves(run)
    return [
        card(one, verdict, samples, apart.get(one.name))
        | {
            "accept": accept_command(run, one),
            "moves": [pieces(clause) for clause in said_of(moved[one.name])] if one.name in moved else [],
        }
        for one in findings
    ]


def _for_scripts(
    verdict: Decision,
    run: RunDirectory,
    chosen: Selection,
    samples: dict[int, Sample],
    comparison: Comparison | None,
) -> dict[str, Any]:
    """Returns what the page's scripts draw, count and filter, but for the map."""
    return {
        "id": run_id(verdict),
        "outcome": verdict.outcome,
        "policy": verdict.policy,
        "tau": verdict.threshold and verdict.threshold.tau,
        "margin": MARGIN,
        "meanings": {word: meaning("A number", word) for word in GLOSSARY["A number"]},
        "counts": verdict.counts,
        "commands": {
            "own": command(verdict, run),
            "threshold": threshold_command(run),
            "explain": explain_command(run),
        },
        "scores": _distribution(verdict, chosen, comparison),
        "rows": row_data(verdict, chosen, [samples[number] for number in chosen.numbers.tolist()]),
    }


def run_id(verdict: Decision) -> str:
    """Returns what tells a run from others: the marks that a browser keeps go by it."""
    identity = json.dumps(verdict.manifest["identity"], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _drawn(drawn: CorpusMap, findings: tuple[Finding, ...]) -> dict[str, Any]:
    """Returns what the page says of the map beside drawing it."""
    told = [one for one in findings if one.name in drawn.spread]
    return {
        "drawn": len(drawn.rows),
        "total": drawn.total,
        "left_out": drawn.left_out,
        "findings": [one.name for one in told],
        "said": [pieces(drawn.said(one)) for one in told],
    }


def _distribution(verdict: Decision, chosen: Selection, comparison: Comparison | None) -> dict[str, Any]:
    """Returns the scores as the page counts and draws them."""
    score = verdict.scores["score"].to_numpy()
    lengths = np.asarray(verdict.scores["n_response"], np.int64)
    scored, by_findings = verdict.is_scored, chosen.by_findings
    made: dict[str, Any] = {
        "all": _counted(verdict, scored),
        "by_findings": _counted(verdict, by_findings),
        "review": int(chosen.needs_review.sum()),
        "curve": curve(score[scored]),
        "length": beside_length(score[scored], lengths[scored], by_findings[scored]),
        "expected": expected_at(lengths[scored], verdict.expected[scored]),
        "marked": {kind: _counted(verdict, getattr(verdict.marked, kind)) for kind in ("poisoned", "clean")},
    }
    if comparison is not None:
        poisoned = comparison.is_poisoned
        made["poisoned"] = _counted(verdict, poisoned) | {"by_findings": int((by_findings & poisoned).sum())}
    return made


def _counted(verdict: Decision, group: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns how many rows a group has, how many score above each step of the slider, and above tau."""
    return {
        "rows": int(group.sum()),
        "above": counts_above(verdict.scores["score"].to_numpy()[group & verdict.is_scored]),
        "above_own": int((verdict.is_above & group).sum()),
    }


def _left_out(verdict: Decision, chosen: Selection) -> dict[str, int]:
    """Returns how many flagged and next rows the page has no room for."""
    held = chosen.numbers
    return {
        "flagged": int(verdict.is_flagged.sum() - verdict.is_flagged[held].sum()),
        "next": int(chosen.is_next.sum() - chosen.is_next[held].sum()),
        "judged": int(verdict.is_judged.sum()) - len(held),
    }


def _files(run: RunDirectory, clean: str) -> dict[str, str]:
    named = {"flagged": "flagged.jsonl", "unscored": "unscored.jsonl", "evidence": "evidence.json"}
    return {"clean": clean, **{key: str(run.path / name) for key, name in named.items()}}


def _unscored(verdict: Decision) -> list[dict[str, Any]]:
    """Returns why rows were judged by nobody, and how many, the most frequent reason first."""
    reasons = verdict.scores["reason"].filter(pa.array(verdict.is_unscored))
    counted = reasons.value_counts().to_pylist()
    return sorted(
        ({"reason": pieces(one["values"]), "rows": one["counts"]} for one in counted),
        key=lambda one: -one["rows"],
    )


def _compared(verdict: Decision, comparison: Comparison, samples: dict[int, Sample]) -> dict[str, Any]:
    """Returns the section on the truth; metrics that are not defined are None."""
    metrics = {key: None if math.isnan(value) else value for key, value in comparison.metrics.items()}
    kinds = {"missed": comparison.missed, "wrong": comparison.wrong}
    room, listed = _MISSED, {}
    for kind, numbers in kinds.items():
        listed[kind] = [_brief(verdict, samples[number]) for number in numbers[:room]]
        room -= len(listed[kind])
    return {
        "source": comparison.source,
        "metrics": metrics,
        "counts": {kind: len(numbers) for kind, numbers in kinds.items()},
        **listed,
    }


def _brief(verdict: Decision, sample: Sample) -> dict[str, Any]:
    return {
        "id": row_name(sample),
        "score": verdict.scores["score"][sample.number].as_py(),
        "prompt": shown(sample.prompt, limit=_EXCERPT),
        "response": shown(sample.response, limit=_EXCERPT),
    }
