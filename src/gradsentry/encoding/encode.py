"""Samples -> token ids with an exact response mask.

A row becomes one text (see `layout`), which is tokenised as a whole, as a trainer does it: a token that holds
both the end of a prompt and the beginning of its response belongs to the response. What follows the last
trained token cannot change a score and is left out. What is too long loses the middle of its prompt first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gradsentry.corpus.sample import Sample
from gradsentry.encoding.alignment import NOWHERE, Ends, Offsets, left_out, token_ends, trained_tokens
from gradsentry.encoding.layout import Layout, lay_out
from gradsentry.encoding.truncation import fitting

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sample as the model sees it.

    Attributes:
        ids: Token ids, [S], int64.
        trained: Which of them the loss is computed on, [S], bool; never the first.
        cut: How many tokens were cut to fit the length.
        problem: Why the sample cannot be scored, or None; then `ids` may be empty.
        ends: Where each trained token ends in `Sample.response` (see `alignment`), [T]; empty where that is
            not known.
    """

    ids: NDArray[np.int64] = field(repr=False)
    trained: NDArray[np.bool_] = field(repr=False)
    cut: int = 0
    problem: str | None = None
    ends: Ends = field(default_factory=lambda: np.empty(0, np.int32), repr=False)

    @property
    def n_response(self) -> int:
        return int(self.trained.sum())

    @property
    def n_prompt(self) -> int:
        return len(self.ids) - self.n_response


def encode(sample: Sample, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> Encoded:
    """Returns a sample's token ids and response mask. See `encode_all`."""
    return encode_all([sample], tokenizer, max_length=max_length)[0]


def encode_all(
    samples: Sequence[Sample], tokenizer: PreTrainedTokenizerBase, *, max_length: int
) -> list[Encoded]:
    """Returns the token ids and response masks of samples; none of them depends on the others.

    A row that cannot be scored comes back with its problem: what the reader found, an empty response, a
    chat template that does not take the conversation, or nothing of the response left to predict.

    Args:
        samples: The rows.
        tokenizer: A fast tokenizer.
        max_length: Tokens at most. The middle of the prompt is cut first, and where the response alone is
            too long its end.
    """
    layouts = [_laid_out(sample, tokenizer) for sample in samples]
    texts = _tokenised([one.text for one in layouts if isinstance(one, Layout)], tokenizer)
    asked = _tokenised([one.prompt for one in layouts if isinstance(one, Layout) and one.prompt], tokenizer)
    start = _start(tokenizer)
    encoded = []
    for sample, layout in zip(samples, layouts, strict=True):
        if isinstance(layout, str):
            encoded.append(unscored(layout))
            continue
        ids, offsets = next(texts)
        prompt = next(asked)[0] if layout.prompt else ids[:0]
        ends = token_ends(offsets, layout.pieces)
        trained = _trained(layout, ids, offsets, prompt) & ~_untrained(sample, ends)
        encoded.append(_encoded(layout, ids, trained, ends, start, max_length))
    return encoded


def unscored(problem: str) -> Encoded:
    """Returns what stands for a sample that cannot be scored."""
    return Encoded(np.empty(0, np.int64), np.empty(0, np.bool_), problem=problem)


def _laid_out(sample: Sample, tokenizer: PreTrainedTokenizerBase) -> Layout | str:
    if sample.problem is not None:
        return sample.problem
    if not any(turn.trained and turn.text.strip() for turn in sample.turns):
        return "the response is empty"
    return lay_out(sample, tokenizer)


def _tokenised(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Iterator[tuple[Ids, Offsets]]:
    """Yields the ids of each text, and the characters that each token covers, [S, 2]."""
    if texts:
        batch = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        for ids, offsets in zip(batch["input_ids"], batch["offset_mapping"], strict=True):
            yield np.array(ids, np.int64), np.array(offsets, np.int64).reshape(-1, 2)


def _start(tokenizer: PreTrainedTokenizerBase) -> Ids:
    """Returns the tokens that the tokenizer puts before every text; some put others behind it."""
    bare, whole = (tokenizer("0", add_special_tokens=special)["input_ids"] for special in (False, True))
    places = range(len(whole) - len(bare) + 1)
    count = next((place for place in places if whole[place : place + len(bare)] == bare), 0)
    return np.array(whole[:count], np.int64)


def _trained(layout: Layout, ids: Ids, offsets: Offsets, prompt: Ids) -> NDArray[np.bool_]:
    """Returns which tokens the loss is computed on.  # [S]"""
    if layout.prompt is None:
        return trained_tokens(offsets, layout.spans)
    shared = min(len(prompt), len(ids))
    same = int(np.logical_and.accumulate(prompt[:shared] == ids[:shared]).sum())
    trained: NDArray[np.bool_] = np.arange(len(ids)) >= same
    return trained


def _untrained(sample: Sample, ends: Ends) -> NDArray[np.bool_]:
    """Returns which tokens belong to stretches of the response that are not trained on.  # [S]"""
    out, place = np.zeros(len(ends), np.bool_), 0
    for turn in sample.turns:
        if turn.trained and turn.stretches is not None:
            stretches = [(place + first, place + behind) for first, behind in turn.stretches]
            out |= left_out(ends, (place, place + len(turn.text)), stretches)
        place += (len(turn.text) + len("\n")) * turn.trained
    return out


def _encoded(
    layout: Layout, ids: Ids, trained: NDArray[np.bool_], ends: Ends, start: Ids, max_length: int
) -> Encoded:
    """Returns the tokens up to the last trained one, those before the text added, cut to fit."""
    # A text that was written with its start token gets no other.
    if layout.started and ids[: len(start)].tolist() != start.tolist():
        ids = np.concatenate([start, ids])
        trained = np.concatenate([np.zeros(len(start), np.bool_), trained])
        ends = np.concatenate([np.full(len(start), NOWHERE, np.int32), ends])
    # Nothing predicts the first token of a row.
    trained[:1] = False
    length = int(trained.nonzero()[0].max(initial=-1)) + 1
    ids, trained, ends = ids[:length], trained[:length], ends[:length]
    kept = fitting(trained, max_length)
    ids, trained, ends, cut = ids[kept], trained[kept], ends[kept], int(len(ids) - kept.sum())
    if not trained.any():
        return unscored("no token of the response is left to predict")
    return Encoded(ids, trained, cut, ends=ends[trained])
