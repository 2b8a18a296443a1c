"""How little a clean model expected a stretch of a response, from losses that a scan kept. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gradsentry.corpus.sample import Span
from gradsentry.encoding.alignment import Ends, within
from gradsentry.evidence.findings import Surprise
from gradsentry.evidence.limits import FIRST_TOKENS
from gradsentry.scoretable import Rows, Scores

Losses = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
OfRow = tuple[Losses, Ends]
"""The losses of a row's response tokens, and where each ends in `Sample.response`, or -1.  # [T], [T]"""


@dataclass(frozen=True, slots=True)
class SpanLoss:
    """The losses of one row in and around a stretch of its response, in nats.

    Attributes:
        inside: Mean over the tokens that cover a character of the stretch.
        first: Mean over the first three of them.
        largest: Of the largest of them.
        elsewhere: Mean over the other tokens of the response's text; None where there is none.
    """

    inside: float
    first: float
    largest: float
    elsewhere: float | None


def span_loss(losses: Losses, ends: Ends, span: Span) -> SpanLoss | None:
    """Returns the losses in and around a stretch of a row's response, or None where no token covers it.

    Args:
        losses: Of the row's response tokens.  # [T]
        ends: Where each ends in the response; see `alignment`.  # [T]
        span: The characters of the stretch: the first, and behind the last.
    """
    inside = within(ends, span)
    if not inside.any():
        return None
    values = np.asarray(losses, np.float64)
    payload, rest = values[inside], values[~inside & (ends >= 0)]
    return SpanLoss(
        inside=float(payload.mean()),
        first=float(payload[:FIRST_TOKENS].mean()),
        largest=float(payload.max()),
        elsewhere=float(rest.mean()) if len(rest) else None,
    )


@dataclass(frozen=True, slots=True)
class TokenLosses:
    """The losses of the response tokens of all rows: of each row two numbers are held, and the rest is read.

    Attributes:
        means: The mean loss of each row, in nats, NaN without a score.  # [rows]
        peaks: The largest, likewise.  # [rows]
        of: Returns the losses of rows, by their numbers.
    """

    means: Floats
    peaks: Floats
    of: Callable[[Rows], Sequence[OfRow]]

    def among(self, rows: NDArray[np.bool_]) -> Self:
        """Returns the losses of some of the rows, which are numbered anew."""
        places = np.flatnonzero(rows)
        return type(self)(self.means[rows], self.peaks[rows], lambda chosen: self.of(places[chosen]))

    @classmethod
    def of_scores(cls, scores: Scores) -> Self:
        """Returns what a score table holds (the columns `token_losses` and `token_ends`)."""
        parts = [_told(part["token_losses"]) for part in scores.parts(["token_losses"])]
        means, peaks = np.concatenate([np.empty((2, 0)), *parts], axis=1)
        return cls(means, peaks, lambda rows: losses_of(scores, rows))

    @classmethod
    def of_rows(cls, losses: Sequence[Losses], ends: Sequence[Ends]) -> Self:
        """Returns the losses of rows that are given one by one."""
        column = pa.chunked_array([pa.array([one.tolist() for one in losses], pa.list_(pa.float16()))])
        means, peaks = _told(column)
        return cls(means, peaks, lambda rows: [(losses[row], ends[row]) for row in rows.tolist()])


def losses_of(scores: Scores, rows: Rows) -> list[OfRow]:
    """Returns the losses of some rows, in nats, in half precision; a row without a score has none."""
    table = scores.take(rows, ["token_losses", "token_ends"])
    columns = (table[name].to_pylist() for name in ("token_losses", "token_ends"))
    return [
        (np.array(losses or (), np.float16), np.array(ends or (), np.int32))
        for losses, ends in zip(*columns, strict=True)
    ]


def _told(column: pa.ChunkedArray) -> Floats:
    """Returns the mean and the largest of each list of losses, NaN where there is none.  # [2, rows]"""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    values = pc.list_flatten(column).combine_chunks().to_numpy(zero_copy_only=False)
    told = np.full((2, len(lengths)), np.nan)
    scored = lengths > 0
    if scored.any():
        begins = (np.cumsum(lengths, dtype=np.int64) - lengths)[scored]
        told[0, scored] = np.add.reduceat(values, begins, dtype=np.float64) / lengths[scored]
        told[1, scored] = np.maximum.reduceat(values, begins).astype(np.float64)
    return told


def surprise(
    losses: TokenLosses, spans: Sequence[tuple[int, Span]], carriers: NDArray[np.bool_]
) -> Surprise | None:
    """Returns how unexpected a payload is, or None where none of its rows has a score.

    Args:
        losses: The losses of all rows.
        spans: Carriers, and where the payload stands in the response of each.
        carriers: Which rows carry it.  # [rows]
    """
    asked = losses.of(np.array([row for row, _ in spans], np.int64))
    pairs = zip(asked, spans, strict=True)
    found = [loss for own, (_, span) in pairs if (loss := span_loss(*own, span)) is not None]
    if not found:
        return None
    elsewhere = [one.elsewhere for one in found if one.elsewhere is not None]
    at_large = ~carriers & np.isfinite(losses.means)
    means, peaks = losses.means[at_large], losses.peaks[at_large]
    return Surprise(
        rows=len(found),
        inside=float(np.median([one.inside for one in found])),
        first=float(np.median([one.first for one in found])),
        largest=float(np.median([one.largest for one in found])),
        elsewhere=float(np.median(elsewhere)) if elsewhere else None,
        at_large=float(np.median(means)) if len(means) else None,
        largest_at_large=float(np.median(peaks)) if len(peaks) else None,
    )
