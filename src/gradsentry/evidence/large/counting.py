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
from gradsentry.evidence.index.tokens import END, START, Stream
from gradsentry.evidence.limits import WINDOW_CHARACTERS, WINDOW_ROWS

Spelt = tuple[str | int, ...]
"""A string of tokens as words, so that any rows can be asked for it; a mark is its code."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The strings of a candidate, as words.

    Attributes:
        candidate: The candidate, in the rows that were searched.
        matched: The strings that tell the triggered rows.
        payloads: The strings of the payload.
    """

    candidate: Candidate
    matched: tuple[Spelt, ...]
    payloads: tuple[Spelt, ...]

    @classmethod
    def of(cls, texts: Texts, candidate: Candidate) -> Wanted:
        """Returns the strings of a candidate that was found in texts."""

        def spelt(gram: Sequence[int]) -> Spelt:
            return tuple(code if code in (START, END) else texts.prompts.words[code] for code in gram)

        matched, payloads = map(spelt, candidate.matched), map(spelt, candidate.payloads)
        return cls(candidate, tuple(matched), tuple(payloads))


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
    asked = list(dict.fromkeys(chain.from_iterable(one.matched for one in wanted)))
    said = list(dict.fromkeys(chain.from_iterable(one.payloads for one in wanted)))
    held = np.zeros((len(asked) + 2 * len(said), rows), dtype=np.bool_)  # [strings, rows]
    first = 0
    for window in windows_of(samples):
        held[:, first : first + len(window)] = _held(window, asked, said, pieces)
        first += len(window)
    by_trigger = dict(zip(asked, held, strict=False))
    by_payload = {
        string: novel_or_label(string, own, novel)
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
    paid = triggered
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
