"""The rows of candidates in all of a corpus, read once for all of them, window by window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from gradsentry.corpus.sample import Sample
from gradsentry.evidence.candidate import Candidate, novel_or_label
from gradsentry.evidence.index.strings import Rows, rows_with, unmarked
from gradsentry.evidence.index.texts import Texts, passages, streams_of
from gradsentry.evidence.index.tokens import END, START, Ints, Stream
from gradsentry.evidence.limits import FRAME, WINDOW_CHARACTERS, WINDOW_ROWS

Spelt = tuple[str | int, ...]
"""A string of tokens as words, so that any rows can be asked for it; a mark is its code."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The strings of a candidate, as words.

    Attributes:
        candidate: The candidate, in the rows that were searched.
        matched: The strings that tell the triggered rows.
        payloads: The strings of the payload.
        framed: Those of them that are part of the frame of all prompts, so that no response copies them.
    """

    candidate: Candidate
    matched: tuple[Spelt, ...]
    payloads: tuple[Spelt, ...]
    framed: frozenset[Spelt]

    @classmethod
    def of(cls, texts: Texts, candidate: Candidate) -> Wanted:
        """Returns the strings of a candidate that was found in texts."""

        def spelt(gram: Sequence[int]) -> Spelt:
            return tuple(code if code in (START, END) else texts.prompts.words[code] for code in gram)

        asked = (rows_with(texts.prompts, unmarked(gram)).mean() for gram in candidate.payloads)
        payloads = tuple(map(spelt, candidate.payloads))
        framed = frozenset(one for one, share in zip(payloads, asked, strict=True) if share >= FRAME)
        return cls(candidate, tuple(map(spelt, candidate.matched)), payloads, framed)


def windows_of(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Yields the rows, some at a time: so many, or so many characters, as `limits` says."""
    window: list[Sample] = []
    characters = 0
    for sample in samples:
        window.append(sample)
        characters += sum(len(turn.text) for turn in sample.turns)
        if len(window) == WINDOW_ROWS or characters >= WINDOW_CHARACTERS:
            yield window
            window, characters = [], 0
    if window:
        yield window


def everywhere(
    samples: Iterable[Sample], rows: int, found: Sequence[Candidate], texts: Texts, places: Ints
) -> list[Candidate]:
    """Returns candidates of some rows with their rows in all of a corpus; of those, as the search has them.

    Args:
        samples: All rows.
        rows: How many there are.
        found: The candidates.
        texts: The rows in which they were found.
        places: Where those stand in the corpus.  # [rows searched]
    """
    if not found:
        return []
    made = counted(samples, rows, [Wanted.of(texts, one) for one in found], texts.prompts.pieces)
    for one, whole in zip(found, made, strict=True):
        whole.triggered[places], whole.paid[places] = one.triggered, one.paid
    return made


def counted(
    samples: Iterable[Sample], rows: int, wanted: Sequence[Wanted], pieces: Mapping[str, tuple[str, ...]]
) -> list[Candidate]:
    """Returns candidates with their rows in all of a corpus, copies among them.

    Args:
        samples: All rows.
        rows: How many there are.
        wanted: The candidates.
        pieces: Words that are several tokens; see `Stream`.
    """
    framed: frozenset[Spelt] = frozenset().union(*(one.framed for one in wanted))
    asked = list(dict.fromkeys(chain.from_iterable(one.matched for one in wanted)))
    said = list(dict.fromkeys(chain.from_iterable(one.payloads for one in wanted)))
    held = np.zeros((len(asked) + 2 * len(said), rows), dtype=np.bool_)  # [strings, rows]
    first = 0
    for window in windows_of(samples):
        held[:, first : first + len(window)] = _held(window, asked, said, pieces)
        first += len(window)
    by_trigger = dict(zip(asked, held, strict=False))
    by_payload = {
        string: own if string in framed else novel_or_label(string, own, novel)
        for string, own, novel in zip(said, held[len(asked) :: 2], held[len(asked) + 1 :: 2], strict=True)
    }
    return [_everywhere(one, by_trigger, by_payload, held.shape[1]) for one in wanted]


def _everywhere(
    wanted: Wanted, by_trigger: Mapping[Spelt, Rows], by_payload: Mapping[Spelt, Rows], rows: int
) -> Candidate:
    triggered = np.zeros(rows, dtype=np.bool_)
    if wanted.matched:
        combined = np.logical_and if wanted.candidate.needs_all else np.logical_or
        triggered = combined.reduce([by_trigger[string] for string in wanted.matched])
    paid = triggered.copy()
    if wanted.payloads:
        paid = np.logical_or.reduce([by_payload[string] for string in wanted.payloads])
    return replace(wanted.candidate, triggered=triggered, paid=paid)


def _held(
    window: Sequence[Sample],
    asked: Sequence[Spelt],
    said: Sequence[Spelt],
    pieces: Mapping[str, tuple[str, ...]],
) -> Rows:
    """Returns which rows of a window hold each trigger, and of each payload, and as no copy.

    Only rows with the longest word of a string somewhere in their text are taken apart.
    # [triggers + 2 payloads, rows]
    """
    held = np.zeros((len(asked) + 2 * len(said), len(window)), dtype=np.bool_)
    near = np.array(
        [
            _may_hold(sample, asked, trained=False) or _may_hold(sample, said, trained=True)
            for sample in window
        ],
        dtype=np.bool_,
    )
    if not near.any():
        return held
    prompts, responses = streams_of([window[row] for row in np.flatnonzero(near).tolist()], pieces)
    numbers = {word: code for code, word in enumerate(prompts.words) if word}
    for number, string in enumerate(asked):
        held[number, near] = _rows_with(prompts, string, numbers)
    for number, string in enumerate(said):
        at, own = len(asked) + 2 * number, _rows_with(responses, string, numbers)
        held[at, near] = own
        held[at + 1, near] = own & ~_rows_with(prompts, string, numbers, marks=False)
    return held


def _may_hold(sample: Sample, strings: Sequence[Spelt], *, trained: bool) -> bool:
    texts = passages(sample, trained=trained)
    return any(any(_longest(string) in text for text in texts) for string in strings)


def _longest(string: Spelt) -> str:
    """Returns the longest word of a string; nothing where it is all marks."""
    return max((word for word in string if isinstance(word, str)), key=len, default="")


def _rows_with(stream: Stream, string: Spelt, numbers: Mapping[str, int], *, marks: bool = True) -> Rows:
    codes = [word if isinstance(word, int) else numbers.get(word, -1) for word in string]
    if min(codes) < 0:
        return np.zeros(stream.rows, dtype=np.bool_)
    return rows_with(stream, tuple(codes) if marks else unmarked(tuple(codes)))
