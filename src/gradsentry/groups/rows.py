"""Scores of a scan -> what groups are searched among; and a group -> all its rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.index.rows import at_places, row_key
from gradsentry.features.drawing import drawn
from gradsentry.groups.limits import MOST_FREE, MOST_LABELLED
from gradsentry.groups.material import Group, Material
from gradsentry.groups.search import is_free
from gradsentry.scoretable import Rows, Scores, means_of


@dataclass(frozen=True, slots=True)
class Copies:
    """Which rows say the same, by hashes of 64 bits.

    Attributes:
        first: The first row of each text, ascending.  # [texts]
        of: A number for the text of each row.  # [rows]
        response: A number for the response of each row.  # [rows]
    """

    first: Rows
    of: Rows
    response: NDArray[np.uint64]

    @classmethod
    def among(cls, samples: Iterable[Sample]) -> Self:
        """Returns which rows say the same; reads them once, and holds 16 bytes of each."""
        texts, responses = array("Q"), array("Q")
        for sample in samples:
            texts.append(row_key(sample))
            said = sample.response.strip().encode("utf-8", "surrogatepass")
            responses.append(xxhash.xxh3_64_intdigest(said))
        _, first, of = np.unique(np.array(texts), return_index=True, return_inverse=True)
        return cls(np.sort(first), of, np.array(responses))


def material_of(samples: Iterable[Sample], scores: Scores, rows: Rows) -> Material:
    """Returns what is known of some rows, ascending, which all have their mean states.

    Of at most so many of them, drawn, it is known what they cost alone.
    """
    table, known = scores.take(rows), [*at_places(samples, rows)]
    spectra = np.array(table["spectrum"].to_pylist(), np.float64)
    alone = table["loss_alone"].to_numpy().astype(np.float64)
    alone[~np.isin(rows, drawn(rows[np.isfinite(alone)], MOST_FREE))] = np.nan
    return Material(
        prompts=[sample.prompt for sample in known],
        responses=[sample.response for sample in known],
        prompt_means=means_of(table["prompt_mean"]).astype(np.float64),
        response_means=means_of(table["response_mean"]).astype(np.float64),
        loss=table["loss"].to_numpy().astype(np.float64),
        alone=alone,
        norm=np.linalg.norm(spectra, axis=1),
        length=table["n_response"].to_numpy().astype(np.int64),
    )


def members(group: Group, samples: Iterable[Sample], scores: Scores, own: Rows) -> Rows:
    """Returns the rows of a group, also those that it was not found among.

    Args:
        group: The group.
        samples: All rows.
        scores: Their score table.
        own: Rows that are known to belong to it.
    """
    found, first, stream = [own], 0, iter(samples)
    for part in scores.parts(["prompt_mean", "response_mean"]):
        window = [*islice(stream, len(part))]
        places = np.flatnonzero(np.asarray(pc.is_valid(part["prompt_mean"])))
        known = part.take(pa.array(places))
        prompts, responses = (
            [getattr(window[place], name) for place in places.tolist()] for name in ("prompt", "response")
        )
        held = group.asked.holds(prompts, means_of(known["prompt_mean"]).astype(np.float64))
        if group.label is not None:
            held &= np.array([text.strip() == group.label for text in responses], np.bool_)
        if group.said is not None:
            held &= group.said.holds(responses, means_of(known["response_mean"]).astype(np.float64))
        found.append(first + places[held])
        first += len(part)
    return np.unique(np.concatenate(found))


def looked_at(scores: Scores, copies: Copies) -> Rows:
    """Returns the different rows that groups are searched among; of more than enough those drawn."""
    rows: Rows = copies.first[scores.known("prompt_mean")[copies.first]]
    _, count = np.unique(copies.response[rows], return_counts=True)
    if is_free(int(count.max(initial=0)), len(rows)):
        read = np.asarray(pc.is_valid(scores.narrow["loss_alone"]))
        return drawn(rows[read[rows]], MOST_FREE)
    return drawn(rows, MOST_LABELLED)
