"""What `gradsentry scan` flags, and what it asks a person to review, as a detector.

A scan is two things: the score table, a row for each sample, which costs the forward passes, and what is
decided on all rows with their texts. The first is kept row by row, so that many mixes cost one scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample
from gradsentry.deciding.expectation import Expectation, Signals
from gradsentry.defences.base import Extractor, Features, MixExtractor, Scope, register
from gradsentry.defences.evidence import SURE, UNSURE, FoundEvidence, carried
from gradsentry.defences.reading import MAX_LENGTH
from gradsentry.evidence import TokenLosses, find_evidence
from gradsentry.evidence.extending import Own
from gradsentry.features.widths import PROMPT_WIDTH, RESPONSE_WIDTH
from gradsentry.scoretable import SCHEMA, Scores
from gradsentry.settings import ScoreSettings

if TYPE_CHECKING:
    from gradsentry.models.loading import LoadedModel

_NAMED = ("number", "id", "split", "status", "reason")
_WIDTHS = {
    "token_losses": MAX_LENGTH,
    "token_ends": MAX_LENGTH,
    "spectrum": ScoreSettings().k,
    "window": 2,
    "window_chars": 2,
    "prompt_mean": PROMPT_WIDTH,
    "response_mean": RESPONSE_WIDTH,
}


class RowScores(Extractor):
    """A row of the score table, column by column; lists are filled up with zeros to one width,
    and numbers that are not known are NaN.

    `scored` says which rows have a score.
    """

    name = "row_scores"
    version = 2

    @property
    def scope(self) -> Scope:
        """A score depends on the row alone."""
        return "row"

    def __call__(self, samples: Sequence[Sample], loaded: LoadedModel) -> Features:
        """Returns the features of rows that can all be encoded."""
        from gradsentry.scoring import score_table

        table = score_table(_numbered(samples), loaded, ScoreSettings())
        scored = np.asarray(pc.equal(table["status"], "scored"))
        return {"scored": scored, **{name: _array(table[name], name) for name in _columns()}}


def _numbered(samples: Sequence[Sample]) -> list[Sample]:
    """Returns rows numbered by their place, as those of a corpus are."""
    return [replace(sample, number=place, id=place) for place, sample in enumerate(samples)]


def _columns() -> list[str]:
    return [name for name in SCHEMA.names if name not in _NAMED]


def _array(column: pa.ChunkedArray, name: str) -> NDArray[np.generic]:
    """Returns a column, [rows], or of lists [rows, width]; 0 where there is nothing."""
    if not pa.types.is_list(column.type):
        known = pc.fill_null(column, np.nan if pa.types.is_floating(column.type) else 0)
        values: NDArray[np.generic] = known.to_numpy()
        return values
    array = np.zeros((len(column), _WIDTHS[name]), column.type.value_type.to_pandas_dtype())
    for row, held in enumerate(column.to_pylist()):
        array[row, : len(held or ())] = held or ()
    return array


def _table(features: Features) -> pa.Table:
    """Returns the score table again."""
    scored, lengths = features["scored"], features["n_response"]
    rows = len(scored)
    status = np.where(scored, "scored", "unscored").tolist()
    columns: dict[str, object] = {
        "number": range(rows),
        "id": [str(row) for row in range(rows)],
        "split": [None] * rows,
        "status": status,
        "reason": [""] * rows,
    }
    for name in _columns():
        values: list[object] = features[name].tolist()
        if name.startswith("token_"):
            values = [features[name][row, : lengths[row]].tolist() for row in range(rows)]
        nullable = SCHEMA.field(name).nullable
        columns[name] = [
            one if known or not nullable else None for one, known in zip(values, scored, strict=True)
        ]
    return pa.table(columns, schema=SCHEMA)


class Decided(MixExtractor):
    """What a scan says of rows: `carried`, 1 where it flags, 0.5 where it asks for a review, else 0.

    `findings` holds triggers, payload and rows of each finding, as JSON.

    Attributes:
        checks: Names of checks of a person's own.
        generators: Names of generators of a person's own.
    """

    name = "decided"
    version = 22

    checks: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The SHA-256 of the checks and generators from outside of the package, or nothing."""
        return Own(self.checks, self.generators).code

    @property
    def of(self) -> RowScores:
        """The rows of the score table."""
        return RowScores()

    def related(self, samples: Sequence[Sample], features: Features) -> Features:
        """Returns the features of rows, from their texts and their scores."""
        from gradsentry.groups import with_groups

        table = _table(features)
        numbered = _numbered(samples)
        own, scores = Own(self.checks, self.generators), Scores.of(table)
        strings = find_evidence(numbered, TokenLosses.of_scores(scores), own=own)
        found = with_groups(strings, numbered, scores)
        made = carried(found, len(samples))
        says, scored = made["carried"], features["scored"]
        expected = Expectation.of(table, says < SURE, "the corpus itself")
        odd = Signals.of(table, expected).stands_out
        says[odd & (says < SURE)] = UNSURE
        says[~scored] = 0.0
        return made


@register
class Scan(FoundEvidence):
    """The rows that a scan flags by default: evidence that the clean model's losses do not speak against.

    It decides as the command does by default: by the calibration that ships with the package, and a
    false-alarm rate of 0.01 (docs/evidence.md).

    The score of a row is 1 where it is flagged, 0.5 where a person is asked to review it, and else 0: where
    nothing is flagged AUROC may still be high, for 0.5 ranks above 0.

    Attributes:
        review: Whether those count too that it asks a person to review: with a finding of low confidence,
            or unlike clean rows as long.
        checks: Names of checks of a person's own that take part.
        generators: Names of generators of a person's own that take part.
    """

    name = "scan"
    needs = "the texts, and one forward pass of the clean base model"

    @property
    def extractor(self) -> Decided:
        """The extractor of its features."""
        return Decided(checks=self.checks, generators=self.generators)
