"""Which rows of a corpus that is too large are searched, so that what is found depends on no draw.

A part is drawn evenly, as ever. To it come the rows that look most like poison of all, and what the search
names in both is a proposal: rows that were chosen for what they hold prove nothing. It is decided anew in the
drawn rows with all rows that hold its trigger or its payload, with one without the other too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.calibration import Calibration
from gradsentry.evidence.candidate import Candidate
from gradsentry.evidence.extending import Own
from gradsentry.evidence.index.rows import at_places, draw
from gradsentry.evidence.index.strings import Rows
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.index.tokens import Ints
from gradsentry.evidence.large.counting import everywhere
from gradsentry.evidence.large.prefilter import telling_rows
from gradsentry.evidence.large.reading import bare
from gradsentry.evidence.large.spool import Spool
from gradsentry.evidence.limits import DRAWN_ENOUGH, DRAWN_ROWS, DRAWN_TOKENS, LEAST, SEARCHED_TOKENS
from gradsentry.evidence.mined import Chosen, Mined
from gradsentry.evidence.search import search
from gradsentry.evidence.searched import Searched

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Working:
    """The rows that are searched.

    Attributes:
        mined: Those rows, with what the searches share.
        rows: Their places in the corpus.  # [rows]
        searched: What a search of them came to, where that was done already.
    """

    mined: Mined
    rows: Ints
    searched: Searched | None = None


def working(
    samples: Iterable[Sample],
    spool: Spool,
    calibration: Calibration,
    rate: float,
    own: Own,
    losses: Floats | None = None,
) -> Working:
    """Returns the rows of a large corpus in which is decided.

    Where nothing at all is proposed those are the rows that were searched for proposals.

    Args:
        samples: All rows; they are read again up to three times.
        spool: Their tokens.
        calibration: What clean corpora show.
        rate: How often a clean corpus may be called poisoned.
        own: Checks and generators of a person's own.
        losses: The mean loss of each row in a clean model; None where it is not known.  # [rows]
    """

    def mined(rows: Ints) -> Mined:
        return Mined.of(_texts(samples, rows), None if losses is None else losses[rows], own)

    kept, sizes = spool.distinct, spool.sizes
    distinct = np.flatnonzero(kept)
    tokens = int(sizes[kept].sum(dtype=np.int64))
    if tokens <= SEARCHED_TOKENS:  # all else is copies
        return Working(mined(distinct), distinct)
    share = DRAWN_TOKENS / tokens
    drawn = distinct[draw(len(distinct), round(share * len(distinct)))]
    few = round(DRAWN_ROWS / share)
    strong = telling_rows(spool, kept, few)
    strong = strong[~np.isin(strong, drawn, assume_unique=True)]
    enough = np.cumsum(sizes[strong], dtype=np.int64) <= SEARCHED_TOKENS - DRAWN_TOKENS
    rows = np.union1d(drawn, strong[enough])
    first = mined(rows)
    searched = search(first, calibration, rate)
    named = [one for one in (*searched.found, *searched.passed_over) if one.decision.confidence is not None]
    if not named:
        chosen = Chosen(np.isin(rows, drawn, assume_unique=True), share, ())
        return Working(replace(first, chosen=chosen), rows, searched)
    proposed = everywhere(samples, spool.rows, [one.candidate for one in named], first.texts, rows)
    del first, searched, named  # of the memory that the next search needs
    # More rows of what the draw shows would make it more than it is.
    told = [one for each in proposed if (one := _looked_up(each, drawn) & kept)[drawn].sum() < DRAWN_ENOUGH]
    rows = np.union1d(drawn, np.concatenate([drawn[:0], *(_even(np.flatnonzero(one), few) for one in told)]))
    chosen = Chosen(np.isin(rows, drawn, assume_unique=True), share, [one[rows] for one in told])
    return Working(replace(mined(rows), chosen=chosen), rows)


def _looked_up(candidate: Candidate, drawn: Ints) -> Rows:
    """Returns the rows of a candidate that a draw does not show: of a payload that it does, the trigger's."""
    if candidate.triggers and candidate.paid[drawn].sum() >= DRAWN_ENOUGH:
        return candidate.triggered
    return candidate.triggered | candidate.paid


def _even(rows: Ints, most: int) -> Ints:
    """Returns some of the rows, drawn evenly, so that no share among them is another one."""
    return rows if len(rows) <= most else rows[draw(len(rows), most)]


def _texts(samples: Iterable[Sample], rows: Ints) -> Texts:
    return Texts.of([bare(sample) for sample in at_places(samples, rows)], least=LEAST)
