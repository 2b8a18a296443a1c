"""How a corpus was read: what a person looks at before believing a verdict on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from gradsentry.corpus.corpora import Corpus
from gradsentry.corpus.elsewhere import said_elsewhere, texts_unread
from gradsentry.corpus.lines import file_and_line
from gradsentry.corpus.ownfiles import ANOTHER, ANOTHER_CHOSEN, UNREAD
from gradsentry.corpus.sample import Sample
from gradsentry.corpus.unread import MOVES_AWAY, ONE_ANSWER, set_aside
from gradsentry.counts import rows
from gradsentry.settings import Answers

_CONVERSATIONS = ("messages", "conversations", "conversation")  # where a flag leaves messages out


@dataclass(frozen=True, slots=True)
class Overview:
    """How a corpus was read.

    Attributes:
        format: The row format.
        template: The chat template that its texts are written in, if they are in one.
        responses: How many responses the rows have that can be read, in all.
        fewest: How many of them one of these rows has at least.
        most: How many one has at most.
        rows: How many rows can be read.
        left_out: How many messages of an assistant the data say not to train on; they are not scored.
        elsewhere: Columns that hold other responses than those that are read, and in how many rows.
        unread: Other columns and keys of messages that hold texts which are not read, and in how many rows.
        rejected: How many rows hold a rejected answer that is not judged, and nobody said so.
        answers: Which answers of preferences are judged, if there are any and somebody said so.
        is_told: Whether the user says what the columns are.
        unread_at: File and line of the first row that could not be read; empty where none is known.
    """

    format: str
    template: str | None
    responses: int
    fewest: int
    most: int
    rows: int
    left_out: int
    elsewhere: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)
    rejected: int = 0
    is_told: bool = False
    unread_at: str = ""
    answers: Answers | None = None

    @classmethod
    def of(cls, corpus: Corpus, samples: Iterable[Sample]) -> Overview:
        """Returns how the samples of a corpus, all of them or some, were read."""
        looked = Looked(corpus)
        for sample in samples:
            looked.add(sample)
        return looked.overview()

    def line(self) -> str:
        """Returns it in a sentence."""
        template = f", in the template {self.template}" if self.template else ""
        if self.fewest == self.most:
            each = f"{self.most} response{'s' * (self.most != 1)} in each row"
        else:
            mean = self.responses / max(self.rows, 1)
            each = f"{self.fewest} to {self.most} responses in a row, {mean:.1f} on average"
        flagged = f"; not scored: {self.left_out:,} messages that the data say not to train on"
        judged = f"; the {self.answers} answers are judged" if self.answers else ""
        other = "; the rejected answers are not judged" if self.rejected else judged
        return f"read as {self.format}{template}: {each}{other}{flagged if self.left_out else ''}"

    def not_read(self) -> list[str]:
        """Returns a clause for each column that holds other responses than those that are read."""
        kind = ANOTHER_CHOSEN if self.is_told else ANOTHER
        told = [f"`{column}` of {rows(count)}: {kind}" for column, count in self.elsewhere.items()]
        return told + [f"`{column}` of {rows(count)}: {UNREAD}" for column, count in self.unread.items()]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Looked:
    """A corpus of whose rows is counted how they are read, the first time that all of them are.

    Args:
        corpus: The corpus.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._responses: Counter[int] = Counter()  # responses of a row -> how many rows
        self._left_out = 0
        self._rejected = 0
        self._has_pairs = corpus.format == "preference"
        self._elsewhere: Counter[str] = Counter()
        self._unread: Counter[str] = Counter()
        self._unread_at = ""
        self._done = False

    def __iter__(self) -> Iterator[Sample]:
        if self._done:
            yield from self._corpus
            return
        for sample in self._corpus:
            self.add(sample)
            yield sample
        self._done = True

    def add(self, sample: Sample) -> None:
        """Counts a row."""
        if sample.problem is not None and not self._unread_at and not set_aside({sample.problem: 1}):
            file, line = file_and_line(sample)
            self._unread_at = f"{file}:{line}" if line else ""
        if sample.problem is not None:
            self._has_pairs |= sample.problem.endswith((MOVES_AWAY, ONE_ANSWER))
        if sample.problem is None:
            self._has_pairs |= bool(sample.rejected)
            self._responses[_responses(sample)] += 1
            self._left_out += _left_out(sample)
            self._rejected += self._corpus.reading.answers is None and bool(sample.rejected)
            others = said_elsewhere(sample, self._corpus.format)
            self._elsewhere.update(others)
            self._unread.update(texts_unread(sample) - others)

    def overview(self) -> Overview:
        """Returns how the rows were read that were counted."""
        corpus, counts = self._corpus, self._responses
        return Overview(
            format=corpus.format,
            template=corpus.template.name if corpus.template else None,
            responses=sum(number * rows for number, rows in counts.items()),
            fewest=min(counts, default=0),
            most=max(counts, default=0),
            rows=counts.total(),
            left_out=self._left_out,
            elsewhere=dict(self._elsewhere.most_common()),
            unread=dict(self._unread.most_common()),
            rejected=self._rejected,
            is_told=corpus.is_named,
            unread_at=self._unread_at,
            answers=corpus.reading.answers if self._has_pairs else None,
        )


def _responses(sample: Sample) -> int:
    """Returns how many responses a row has; the parts of one message are one."""
    turns = [None, *sample.turns]
    return sum(
        turn is not None and turn.trained and not (turn.joins and before is not None and before.trained)
        for before, turn in pairwise(turns)
    )


def _left_out(sample: Sample) -> int:
    """Returns how many messages of an assistant a conversation leaves out of the loss by a flag."""
    return sum(
        turn.role == "assistant" and not turn.trained and not turn.joins and turn.path[0] in _CONVERSATIONS
        for turn in sample.turns
    )
