"""A map of the corpus: two components of the mean states of prompts, and two of those of responses.

The components are the principal ones of some rows that are drawn, applied to all; what is drawn on the page
is a bounded number of rows at large, and every row that is flagged, to review or named by a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradsentry.evidence import Finding
from gradsentry.scoretable import Scores, means_of

if TYPE_CHECKING:
    from gradsentry.deciding.decision import Decision

FITTED = 4000
"""Rows on which the components are found."""
AT_LARGE = 3000
"""Rows drawn that nothing is said of."""
NAMED = 100_000
"""Flagged and named rows drawn, which are all of them up to there: a page has its size."""
GRID = 1000
"""Steps of a side of the map."""
LEAST = 10
"""Rows that have mean states; of fewer no map is drawn."""
STATUSES = ("clean", "review", "flagged", "unscored")
_CORE, _MARGIN = 0.005, 0.15  # of the rows beyond a side are drawn at its edge, this share of the rest away

Places = NDArray[np.float32]
VIEWS = {"prompts": "prompt_mean", "responses": "response_mean"}


@dataclass(frozen=True)
class CorpusMap:
    """Where rows lie.

    Attributes:
        rows: The numbers of the rows that are drawn.
        places: Of each in two components, by view (prompts, responses).  # [rows, 2], 0 to GRID - 1
        status: Of each, its place in `STATUSES`.
        spread: Of each finding, by view: the mean distance of its rows from their own middle, over that of
            all rows that have a place from theirs.
        total: How many rows have a place.
        left_out: How many flagged or named rows the map has no room for.
    """

    rows: NDArray[np.int64]
    places: dict[str, NDArray[np.int64]]
    status: NDArray[np.int64]
    spread: dict[str, dict[str, float]]
    total: int
    left_out: int

    def said(self, finding: Finding) -> str:
        """Returns where the rows of a finding lie, in a sentence: the map for those who cannot see it."""
        how = " and ".join(
            f"{_times(value)} in the map of the {view}" for view, value in self.spread[finding.name].items()
        )
        rows = len(finding.carriers)
        return (
            f"{finding.name}: {rows:,} {'row' if rows == 1 else 'rows'}, {how}, measured from the middle of "
            "each."
        )

    def as_json(self, findings: tuple[Finding, ...]) -> dict[str, Any]:
        """Returns what the page draws: columns, and for each finding which of the points are its rows."""
        held = {
            one.name: np.flatnonzero(np.isin(self.rows, np.array(one.carriers, np.int64))).tolist()
            for one in findings
        }
        return {
            "grid": GRID,
            "rows": self.rows.tolist(),
            "status": self.status.tolist(),
            "findings": held,
            **{view: places.T.tolist() for view, places in self.places.items()},
        }


def corpus_map(verdict: Decision, findings: tuple[Finding, ...]) -> CorpusMap | None:
    """Returns the map of a corpus; None where too few rows have mean states.

    Args:
        verdict: The verdict; its scores hold the mean states.
        findings: Those whose rows are told.
    """
    known = np.flatnonzero(verdict.scores.known("prompt_mean"))
    if len(known) < LEAST:
        return None
    placed = {view: _components(verdict.scores, known, column) for view, column in VIEWS.items()}
    is_own = {one.name: np.isin(known, np.array(one.carriers, np.int64)) for one in findings}
    spread = {
        name: {view: _spread(places, own) for view, places in placed.items()}
        for name, own in is_own.items()
        if own.any()
    }
    chosen, left_out = _chosen(verdict, known)
    return CorpusMap(
        rows=known[chosen],
        places={view: _on_grid(places)[chosen] for view, places in placed.items()},
        status=np.array([STATUSES.index(one) for one in verdict.status[known[chosen]].tolist()], np.int64),
        spread=spread,
        total=len(known),
        left_out=left_out,
    )


def _chosen(verdict: Decision, known: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Returns which rows are drawn, by their place among those known, and how many named ones are not."""
    draw = np.random.default_rng(0)
    named = np.zeros(len(verdict.scores), np.bool_)
    named[list(verdict.carried)] = True
    named = (named | (verdict.status != "clean"))[known]
    first, others = np.flatnonzero(named), np.flatnonzero(~named)
    kept = [
        rows if len(rows) <= most else draw.choice(rows, most, replace=False)
        for rows, most in ((first, NAMED), (others, AT_LARGE))
    ]
    return np.sort(np.concatenate(kept)), len(first) - len(kept[0])


def _components(scores: Scores, rows: NDArray[np.int64], column: str) -> Places:
    """Returns two principal components of the mean states of rows, every direction with deviation 1.

    Their signs are such that the direction that weighs most weighs positively.  # [rows, 2]
    """
    fitted = rows
    if len(rows) > FITTED:
        fitted = np.sort(np.random.default_rng(0).choice(rows, FITTED, replace=False))
    means = means_of(scores.take(fitted, [column])[column])  # [fitted, d]
    middle, deviation = means.mean(axis=0), means.std(axis=0)
    deviation[deviation == 0] = np.inf
    scaled = (means - middle) / deviation
    _, vectors = np.linalg.eigh(scaled.T @ scaled)
    axes = vectors[:, :-3:-1]  # [d, 2]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])] < 0, -1, 1)
    places = np.zeros((len(rows), 2), np.float32)
    start = 0
    for part in scores.parts([column], rows):
        put = ((means_of(part[column]) - middle) / deviation) @ axes
        places[start : start + len(part), : axes.shape[1]] = put
        start += len(part)
    return places


def _on_grid(places: Places) -> NDArray[np.int64]:
    """Returns places as steps from 0 to GRID - 1; what lies far out is drawn at the edge.  # [rows, 2]"""
    low, high = np.quantile(places, [_CORE, 1 - _CORE], axis=0)
    width = np.maximum(high - low, 1e-9)
    share = (places - low + _MARGIN * width) / ((1 + 2 * _MARGIN) * width)
    steps: NDArray[np.int64] = np.clip(share * GRID, 0, GRID - 1).astype(np.int64)
    return steps


def _spread(places: Places, own: NDArray[np.bool_]) -> float:
    """Returns how far some rows lie from their own middle, over how far all do from theirs."""
    at_large = float(np.linalg.norm(places - places.mean(axis=0), axis=1).mean())
    some = places[own]
    return float(np.linalg.norm(some - some.mean(axis=0), axis=1).mean()) / max(at_large, 1e-9)


def _times(value: float) -> str:
    return f"{value:.2f} times as widely spread as all rows"
