"""Scores of a scan -> groups -> findings, which join those of the texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log10

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.accepting import Accepted, with_accepted
from gradsentry.evidence.findings import Evidence, Example, Finding
from gradsentry.evidence.index.texts import distinct_rows
from gradsentry.evidence.limits import EXAMPLES, LOOK_FACTOR
from gradsentry.evidence.wording import chance, spelt
from gradsentry.groups.decide import shipped
from gradsentry.groups.limits import LEAST_ROWS, MOST_FREE, MOST_LABELLED, SAME, SHORTENED, TOLD
from gradsentry.groups.search import COSTS, VIEWS, Group, Material, are_free, find_groups
from gradsentry.groups.words import Shared, nearest, shared

Rows = NDArray[np.int64]


def with_groups(
    evidence: Evidence, samples: Sequence[Sample], scores: pa.Table, accepted: Sequence[Accepted] = ()
) -> Evidence:
    """Returns evidence and the groups of rows that stand together to the model, unless it names them already.

    Args:
        evidence: Of the texts.
        samples: The rows.
        scores: Their score table, with the mean states; without them nothing is added.
        accepted: What a person accepts.
    """
    first, copy_of = distinct_rows(samples)
    looked_at = _looked_at(samples, scores, first)
    if len(looked_at) < LEAST_ROWS:
        return evidence
    material = material_of(samples, scores, looked_at)
    named = np.zeros(len(samples), np.bool_)
    named[list(evidence.named())] = True
    found = list(evidence.findings)
    for group in find_groups(material, most=TOLD):
        exceeded = shipped().log10_exceeded(group.strength)
        if exceeded > log10(LOOK_FACTOR * evidence.false_alarm_rate):
            break
        own = looked_at[group.rows]
        if named[own].mean() <= SAME:
            copies = np.flatnonzero(np.isin(first[copy_of], own))
            finding = _finding(group, material, copies, samples, exceeded)
            found.append(with_accepted(replace(finding, name=f"F{len(found) + 1}"), len(samples), accepted))
    return replace(evidence, findings=tuple(found))


def material_of(samples: Sequence[Sample], scores: pa.Table, rows: Rows) -> Material:
    """Returns what is known of some rows, which all have their mean states."""
    table = scores.take(pa.array(rows))
    spectra = np.array(table["spectrum"].to_pylist(), np.float64)
    return Material(
        prompts=[samples[row].prompt for row in rows.tolist()],
        responses=[samples[row].response for row in rows.tolist()],
        prompt_means=np.array(table["prompt_mean"].to_pylist(), np.float64),
        response_means=np.array(table["response_mean"].to_pylist(), np.float64),
        loss=table["loss"].to_numpy().astype(np.float64),
        norm=np.linalg.norm(spectra, axis=1),
        length=table["n_response"].to_numpy().astype(np.int64),
    )


def _looked_at(samples: Sequence[Sample], scores: pa.Table, first: Rows) -> Rows:
    """Returns the different rows that groups are searched among; of more than enough those drawn."""
    known = np.asarray(pc.is_valid(scores["prompt_mean"].combine_chunks()))
    rows: Rows = first[known[first]]
    most = MOST_FREE if are_free([samples[row].response for row in rows.tolist()]) else MOST_LABELLED
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    return rows


def _finding(
    group: Group, material: Material, carriers: Rows, samples: Sequence[Sample], exceeded: float
) -> Finding:
    size, total = int(group.rows.sum()), len(group.rows)
    near = nearest(material.prompt_means, group.rows)
    inside = np.flatnonzero(group.rows)
    said = [
        _in_words(name, *([texts[row] for row in rows.tolist()] for rows in (inside, near)))
        for name, texts in (("prompts", material.prompts), ("responses", material.responses))
    ]
    if group.label is not None:
        said[1] = f"all their responses are “{spelt(group.label)}”"
    reason = (
        f"{size} of the {group.tail} rows whose prompts stand farthest out in {VIEWS[group.view]} are "
        f"answered in one way, {chance(-group.together)} by accident; the clean model finds their responses "
        f"{COSTS[group.cost]} than others of their kind, {chance(-group.costly)} by accident; "
        f"{chance(exceeded)} clean corpora holds such a group; it is no proof: look at the rows"
    )
    return Finding(
        name="",
        kind="group",
        triggers=(),
        combine="any",
        payload=None,
        both=size,
        trigger_only=group.tail - size,
        payload_only=0,
        neither=total - group.tail,
        log10_p=-group.together,
        false_alarm=10.0**exceeded,
        statistics={"together": group.together, "costly": group.costly},
        surprise=None,
        carriers=tuple(carriers.tolist()),
        confidence="low",
        reason=reason,
        examples=tuple(_example(samples[row]) for row in carriers[:EXAMPLES].tolist()),
        change="; ".join(said),
    )


def _in_words(name: str, inside: Sequence[str], outside: Sequence[str]) -> str:
    found = shared(inside, outside)
    if not found:
        return f"their {name} share no string"
    return f"of their {name} " + ", ".join(_counted(one, len(inside), len(outside)) for one in found)


def _counted(one: Shared, inside: int, outside: int) -> str:
    return (
        f"{one.inside} of {inside} hold “{spelt(one.text)}” ({one.outside} of the {outside} nearest others)"
    )


def _example(sample: Sample) -> Example:
    return Example(sample.number, sample.prompt[-SHORTENED:], sample.response[:SHORTENED])
