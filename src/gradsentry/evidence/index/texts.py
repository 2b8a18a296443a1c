"""The corpus in the form that the search works on: streams, features, and the way back to the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample, Span
from gradsentry.evidence.findings import Example
from gradsentry.evidence.index.contexts import Context
from gradsentry.evidence.index.expectation import Expectation
from gradsentry.evidence.index.infixes import words_with_infixes
from gradsentry.evidence.index.lexicon import Lexicon
from gradsentry.evidence.index.neighbours import Likeness
from gradsentry.evidence.index.ngrams import Features, prompt_and_response_features, prompt_features
from gradsentry.evidence.index.rows import draw
from gradsentry.evidence.index.strings import Gram, Rows, first_places, spans
from gradsentry.evidence.index.tokens import END, START, Bools, Ints, Stream, streams
from gradsentry.evidence.limits import (
    EXAMPLE_AROUND,
    EXAMPLE_WHOLE,
    NGRAM_TOKENS,
    REPEATED_FEW_ROWS,
    REPEATED_SHARE,
)


@dataclass(frozen=True)
class Texts:
    """A corpus, taken apart.

    Attributes:
        samples: The rows.
        prompts: What fine-tuning computes no loss on; a turn is a passage.
        responses: What it computes its loss on.
        asked: The n-grams of the prompts.
        said: The n-grams of the responses that are no copies.
    """

    samples: Sequence[Sample]
    prompts: Stream
    responses: Stream
    asked: Features
    said: Features

    @cached_property
    def context(self) -> Context:
        """Which tokens stand side by side in the prompts."""
        return Context(self.prompts)

    @cached_property
    def answer_context(self) -> Context:
        """Which tokens stand side by side in the responses."""
        return Context(self.responses)

    @cached_property
    def _folded(self) -> dict[str, list[int]]:
        """The codes of the prompts' words, by the word without its case."""
        found: dict[str, list[int]] = {}
        for code, word in enumerate(self.prompts.words):
            if word:
                found.setdefault(word.casefold(), []).append(code)
        return found

    def asks(self, code: int) -> Rows:
        """Returns which rows have a token in their prompts, in upper or lower case.  # [rows]"""
        held = np.zeros(len(self.samples), dtype=np.bool_)
        for same in self._folded.get(self.responses.words[code].casefold(), []):
            held[self.prompts.owners(self.prompts.places_of(same))] = True
        return held

    @cached_property
    def alike(self) -> Likeness:
        """The rows compared by their prompts, whose case and white space may be the trigger."""
        return Likeness(prompt_features(self.prompts.plain), self.prompts.plainly)

    @cached_property
    def written_alike(self) -> Likeness:
        """The rows compared by their prompts as they are written."""
        return Likeness(self.asked)

    @cached_property
    def expectation(self) -> Expectation:
        """What the words of the prompts let expect."""
        return Expectation(self.alike)

    @cached_property
    def returning(self) -> NDArray[np.float64]:
        """The share of each response's longest strings that return, and are no copies.  # [rows]"""
        said = self.said
        least = max(REPEATED_FEW_ROWS, REPEATED_SHARE * len(self.samples))
        held = said.holds[:, np.flatnonzero((said.size == NGRAM_TOKENS) & (said.support >= least))]
        strings = np.maximum(np.diff(self.responses.bounds) - NGRAM_TOKENS + 1, 1)
        shares: NDArray[np.float64] = np.minimum(np.asarray(held.sum(axis=1)).ravel() / strings, 1.0)
        return shares

    @cached_property
    def lexicon(self) -> Lexicon:
        """Which words of the prompts bring a word of the responses."""
        return Lexicon.of(self.prompts, self.responses)

    def crowding(
        self, carriers: Rows, ignored: frozenset[int], *, common: float = 1.0, among: Rows | None = None
    ) -> float:
        """Returns how much the prompts of some rows lie together; see `Likeness.crowding`.

        Natural carriers lie together with their case, which may be the trigger, and without it; of a few rows
        either alone may say so by accident.
        """
        return min(
            alike.crowding(carriers, ignored, common=common, among=among)
            for alike in (self.alike, self.written_alike)
        )

    def is_crowded(
        self,
        carriers: Rows,
        ignored: frozenset[int],
        most: float,
        *,
        common: float = 1.0,
        among: Rows | None = None,
    ) -> bool:
        """Returns whether some rows lie together more than so much; in half the time of `crowding`."""
        ways = (self.alike, self.written_alike)
        return all(one.crowding(carriers, ignored, common=common, among=among) > most for one in ways)

    @cached_property
    def answered_alike(self) -> Likeness:
        """The rows compared by their responses."""
        return Likeness(self.said)

    @cached_property
    def is_word(self) -> Bools:
        """Which tokens of the responses begin with a letter.  # [codes]"""
        return np.array([word[:1].isalpha() for word in self.responses.words], dtype=np.bool_)

    @cached_property
    def is_sign(self) -> Bools:
        """Which tokens of the responses are neither words nor numbers; marks are none.  # [codes]"""
        signs = np.array([not word[:1].isalnum() for word in self.responses.words], dtype=np.bool_)
        signs[[START, END]] = False
        return signs

    @cached_property
    def is_later_turn(self) -> Bools:
        """Which passages of the prompts somebody says behind a response in their row.  # [passages]"""
        found: list[bool] = []
        for sample in self.samples:
            seen = False
            for turn in sample.turns:
                if turn.trained:
                    seen = True
                else:
                    found.append(seen and turn.role != "assistant")
        return np.array(found, dtype=np.bool_)

    @classmethod
    def of(cls, samples: Sequence[Sample], *, least: int) -> Texts:
        """Returns the corpus of the samples, with the n-grams that stand in at least `least` rows."""
        return cls._with_features(samples, *_streams(samples, least), least)

    @classmethod
    def drawn(cls, samples: Sequence[Sample], *, least: int, tokens: int) -> Texts:
        """Returns a corpus, or a drawn part of it that has about so many tokens.

        Args:
            samples: The rows.
            least: N-grams in fewer rows are left out.
            tokens: About how many tokens the part may have.
        """
        prompts, responses = _streams(samples, least)
        rows = len(samples) * tokens // max(len(prompts.codes) + len(responses.codes), 1)
        if rows >= len(samples):
            return cls._with_features(samples, prompts, responses, least)
        chosen = draw(len(samples), rows)
        part = [samples[int(row)] for row in chosen]
        return cls._with_features(part, prompts.take(chosen), responses.take(chosen), least)

    def part(self, rows: Ints, *, least: int) -> Texts:
        """Returns the corpus of some rows, with the n-grams that stand in at least `least` of them."""
        samples = [self.samples[row] for row in rows.tolist()]
        return self._with_features(samples, self.prompts.take(rows), self.responses.take(rows), least)

    def with_copies(self, samples: Sequence[Sample], copy_of: Ints) -> Texts:
        """Returns the corpus of all rows, where `self` is that of the distinct ones; see `distinct_rows`."""
        prompts, responses = (stream.take(copy_of) for stream in (self.prompts, self.responses))
        return replace(self, samples=samples, prompts=prompts, responses=responses)

    @classmethod
    def _with_features(
        cls, samples: Sequence[Sample], prompts: Stream, responses: Stream, least: int
    ) -> Texts:
        return cls(
            samples, prompts, responses, *prompt_and_response_features(prompts, responses, least=least)
        )

    def display(self, stream: Stream, gram: Gram, carriers: Rows) -> str:
        """Returns a string of tokens as it is written in the first carrier that holds it."""
        place = first_places(stream, gram, carriers)
        if not len(place):
            return " ".join(stream.words[code] for code in gram).strip()
        row = int(stream.owners(place)[0])
        texts = passages(self.samples[row], trained=stream is self.responses)
        found = spans(texts, stream.row(row), gram, stream.pieces)
        return texts[found[0][0]][found[0][1] : found[0][2]] if found else ""

    def example(self, row: int, triggers: Sequence[Gram], payload: Gram | None) -> Example:
        """Returns one row, shortened around the strings that are marked in it."""
        prompt, marked = self._around(row, triggers, trained=False)
        response, paid = self._around(row, [payload] if payload else [], trained=True)
        return Example(row, prompt, response, marked, paid)

    def payload_spans(self, rows: Sequence[int], payload: Gram) -> list[tuple[int, Span]]:
        """Returns where the payload stands in the responses of rows, for the first time in each."""
        found = []
        for row in rows:
            places = self._spans(row, [payload], trained=True)
            found += [(row, places[0])] if places else []
        return found

    def whole_spans(self, rows: Sequence[int]) -> list[tuple[int, Span]]:
        """Returns the whole responses of rows, as `payload_spans` does a part of them."""
        return [(row, (0, len(self.samples[row].response))) for row in rows]

    def _spans(self, row: int, grams: Sequence[Gram], *, trained: bool) -> list[Span]:
        """Returns where strings stand in a row's prompt or response, turns parted by a newline."""
        texts = passages(self.samples[row], trained=trained)
        stream = self.responses if trained else self.prompts
        starts = np.cumsum([0, *(len(text) + 1 for text in texts)])
        return sorted(
            (int(starts[number]) + low, int(starts[number]) + high)
            for gram in grams
            for number, low, high in spans(texts, stream.row(row), gram, stream.pieces)
        )

    def _around(self, row: int, grams: Sequence[Gram], *, trained: bool) -> tuple[str, tuple[Span, ...]]:
        found = self._spans(row, grams, trained=trained)
        whole = "\n".join(passages(self.samples[row], trained=trained))
        first, last = (
            (found[0][0] - EXAMPLE_AROUND, found[0][1] + EXAMPLE_AROUND) if found else (0, EXAMPLE_WHOLE)
        )
        low, high = max(first, 0), max(min(last, len(whole)), 0)
        inside = tuple((max(a, low) - low, min(b, high) - low) for a, b in found if a < high and b > low)
        return whole[low:high], inside

    def turn_of(self, places: Ints, *, trained: bool) -> Ints:
        """Returns in which turn of its row each place of a stream is."""
        stream = self.responses if trained else self.prompts
        rows = stream.owners(places)
        passage = np.array(
            [
                int((stream.codes[stream.bounds[row] : place + 1] == START).sum()) - 1
                for row, place in zip(rows, places, strict=True)
            ]
        )
        turns = [
            [number for number, turn in enumerate(self.samples[row].turns) if turn.trained is trained]
            for row in rows
        ]
        return np.array([turn[number] for turn, number in zip(turns, passage, strict=True)], dtype=np.int64)


def streams_of(
    samples: Sequence[Sample], pieces: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[Stream, Stream]:
    """Returns the prompts and the responses of rows as streams over one vocabulary.

    Args:
        samples: The rows.
        pieces: Words that are several tokens, and those; see `Stream`.
    """
    prompts, responses = streams(
        (passages(sample, trained=False) for sample in samples),
        (passages(sample, trained=True) for sample in samples),
    )
    known = {word: pieces[word] for word in prompts.words if word in pieces} if pieces else {}
    return _apart(prompts, responses, known)


def _streams(samples: Sequence[Sample], least: int) -> tuple[Stream, Stream]:
    prompts, responses = streams_of(samples)
    return _apart(prompts, responses, words_with_infixes(prompts, least=least))


def _apart(
    prompts: Stream, responses: Stream, pieces: Mapping[str, tuple[str, ...]]
) -> tuple[Stream, Stream]:
    prompts = prompts.with_pieces(pieces)
    return prompts, replace(responses, words=prompts.words).with_pieces(prompts.pieces)


def passages(sample: Sample, *, trained: bool) -> list[str]:
    """Returns the texts of the turns that fine-tuning computes its loss on, or of the others."""
    return [turn.text for turn in sample.turns if turn.trained is trained]
