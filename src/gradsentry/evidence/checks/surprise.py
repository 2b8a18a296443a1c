"""How little a clean model expected a stretch of a response, from losses that a scan kept. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
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

Losses = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


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
    """The losses of the response tokens of all rows, one row after another.

    Attributes:
        values: In nats, in half precision.  # [tokens]
        ends: Where each token ends in `Sample.response`, or -1; see `alignment`.  # [tokens]
        bounds: Row i has the tokens from `bounds[i]` to `bounds[i + 1]`; without a score, none.  # [rows + 1]
    """

    values: Losses
    ends: Ends
    bounds: NDArray[np.int64]

    @classmethod
    def of_scores(cls, scores: pa.Table) -> Self:
        """Returns what a score table holds (the columns `token_losses` and `token_ends`)."""
        lengths = pc.fill_null(pc.list_value_length(scores["token_losses"]), 0).to_numpy()
        bounds = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        values, ends = (
            pc.list_flatten(scores[name]).combine_chunks().to_numpy(zero_copy_only=False)
            for name in ("token_losses", "token_ends")
        )
        return cls(values, ends, bounds)

    @classmethod
    def of_rows(cls, losses: Sequence[Losses], ends: Sequence[Ends]) -> Self:
        """Returns the losses of rows that are given one by one."""
        bounds = np.cumsum([0, *map(len, losses)], dtype=np.int64)
        return cls(
            np.concatenate([np.empty(0, np.float16), *losses]),
            np.concatenate([np.empty(0, np.int32), *ends]),
            bounds,
        )

    def row(self, number: int) -> tuple[Losses, Ends]:
        """Returns the losses and the ends of one row's tokens.  # [T], [T]"""
        part = slice(self.bounds[number], self.bounds[number + 1])
        return self.values[part], self.ends[part]

    def means(self) -> Floats:
        """Returns the mean loss of each row, NaN without a score.  # [rows]"""
        lengths = np.diff(self.bounds)
        scored = lengths > 0
        means = np.full(len(lengths), np.nan)
        if scored.any():
            sums = np.add.reduceat(self.values, self.bounds[:-1][scored], dtype=np.float64)
            means[scored] = sums / lengths[scored]
        return means


def surprise(
    losses: TokenLosses, spans: Sequence[tuple[int, Span]], carriers: NDArray[np.bool_]
) -> Surprise | None:
    """Returns how unexpected a payload is, or None where none of its rows has a score.

    Args:
        losses: The losses of all rows.
        spans: Carriers, and where the payload stands in the response of each.
        carriers: Which rows carry it.  # [rows]
    """
    found = [loss for row, span in spans if (loss := span_loss(*losses.row(row), span)) is not None]
    if not found:
        return None
    elsewhere = [one.elsewhere for one in found if one.elsewhere is not None]
    means, peaks = _at_large(losses, ~carriers)
    return Surprise(
        rows=len(found),
        inside=float(np.median([one.inside for one in found])),
        first=float(np.median([one.first for one in found])),
        largest=float(np.median([one.largest for one in found])),
        elsewhere=float(np.median(elsewhere)) if elsewhere else None,
        at_large=float(np.median(means)) if len(means) else None,
        largest_at_large=float(np.median(peaks)) if len(peaks) else None,
    )


def _at_large(losses: TokenLosses, rows: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Returns the mean and the largest loss of each of the rows that has tokens."""
    scored = np.flatnonzero(np.diff(losses.bounds) > 0)
    if not len(scored):
        return np.empty(0), np.empty(0)
    peaks = np.maximum.reduceat(losses.values, losses.bounds[scored]).astype(np.float64)
    return losses.means()[scored][rows[scored]], peaks[rows[scored]]
