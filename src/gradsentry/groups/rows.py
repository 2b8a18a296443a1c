"""Scores of a scan -> what groups are searched among; and a group -> all its rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample
from gradsentry.features.drawing import drawn
from gradsentry.groups.limits import AT_ONCE, MOST_FREE, MOST_LABELLED
from gradsentry.groups.material import Group, Material
from gradsentry.groups.search import are_free

Rows = NDArray[np.int64]


def material_of(samples: Sequence[Sample], scores: pa.Table, rows: Rows) -> Material:
    """Returns what is known of some rows, which all have their mean states.

    Of at most so many of them, drawn, it is known what they cost alone.
    """
    table = scores.take(pa.array(rows))
    spectra = np.array(table["spectrum"].to_pylist(), np.float64)
    alone = table["loss_alone"].to_numpy().astype(np.float64)
    alone[~np.isin(rows, drawn(rows[np.isfinite(alone)], MOST_FREE))] = np.nan
    return Material(
        prompts=[samples[row].prompt for row in rows.tolist()],
        responses=[samples[row].response for row in rows.tolist()],
        prompt_means=_array(table["prompt_mean"]),
        response_means=_array(table["response_mean"]),
        loss=table["loss"].to_numpy().astype(np.float64),
        alone=alone,
        norm=np.linalg.norm(spectra, axis=1),
        length=table["n_response"].to_numpy().astype(np.int64),
    )


def members(group: Group, samples: Sequence[Sample], scores: pa.Table, own: Rows) -> Rows:
    """Returns the rows of a group, also those that it was not found among.

    Args:
        group: The group.
        samples: All rows.
        scores: Their score table.
        own: Rows that are known to belong to it.
    """
    known = np.flatnonzero(np.asarray(pc.is_valid(scores["prompt_mean"].combine_chunks())))
    found = [own]
    for start in range(0, len(known), AT_ONCE):
        rows = known[start : start + AT_ONCE]
        table = scores.select(["prompt_mean", "response_mean"]).take(pa.array(rows))
        prompts, responses = (
            [getattr(samples[row], name) for row in rows] for name in ("prompt", "response")
        )
        held = group.asked.holds(prompts, _array(table["prompt_mean"]))
        if group.label is not None:
            held &= np.array([text.strip() == group.label for text in responses])
        if group.said is not None:
            held &= group.said.holds(responses, _array(table["response_mean"]))
        found.append(rows[held])
    return np.unique(np.concatenate(found))


def _array(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Returns lists of one width.  # [rows, width]"""
    flat = pc.list_flatten(column.combine_chunks()).to_numpy(zero_copy_only=False)
    values: NDArray[np.float64] = flat.astype(np.float64).reshape(len(column), -1)
    return values


def looked_at(samples: Sequence[Sample], scores: pa.Table, first: Rows) -> Rows:
    """Returns the different rows that groups are searched among; of more than enough those drawn."""
    known = np.asarray(pc.is_valid(scores["prompt_mean"].combine_chunks()))
    rows: Rows = first[known[first]]
    if are_free([samples[row].response for row in rows.tolist()]):
        read = scores["loss_alone"].combine_chunks().is_valid().to_numpy(zero_copy_only=False)
        return drawn(rows[read[rows]], MOST_FREE)
    return drawn(rows, MOST_LABELLED)
