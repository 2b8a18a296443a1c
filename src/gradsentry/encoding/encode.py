"""Samples -> token ids with an exact response mask.

A conversation goes through the tokenizer's chat template, a prompt and its completion stand as they are. Each
stretch of text is tokenised by itself, so no token straddles the border between what is trained on and what
is not; the end-of-sequence token belongs to the response. What is too long loses the middle of its prompt
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from gradsentry.corpus.sample import Sample, Span, Turn
from gradsentry.encoding.alignment import NOWHERE, Ends, located, token_ends

# Between these and a response some tokenizer keeps a border; tried in this order.
_SENTINELS = ("\n", ":", "0")
_PROMPT_KEPT = 8
# A character that stands in no text and that no template treats in its own way.
_MARK = "\ue000"
_PLAIN_NAMES = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}


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


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the text that training would see."""

    text: str
    trained: bool


def encode(sample: Sample, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> Encoded:
    """Returns a sample's token ids and response mask.

    A row that cannot be scored comes back with its problem: what the reader found, an empty response, a
    chat template that does not take the conversation, or nothing of the response left to predict.

    Args:
        sample: The row.
        tokenizer: A fast tokenizer.
        max_length: Tokens at most. The middle of the prompt is cut first, and where the response alone is
            too long its end.
    """
    if sample.problem is not None:
        return unscored(sample.problem)
    if not any(turn.trained and turn.text.strip() for turn in sample.turns):
        return unscored("the response is empty")
    stretches, special = _lay_out(sample, tokenizer)
    if isinstance(stretches, str):
        return unscored(stretches)
    ids, trained, ends = _tokenise(stretches, tokenizer, _parts(sample), special=special)
    # Nothing predicts the first token of a row.
    trained[:1] = False
    kept = _fit(trained, max_length)
    ids, trained, ends, cut = ids[kept], trained[kept], ends[kept], int(len(ids) - kept.sum())
    if not trained.any():
        return unscored("no token of the response is left to predict")
    return Encoded(ids, trained, cut, ends=ends[trained])


def unscored(problem: str) -> Encoded:
    """Returns what stands for a sample that cannot be scored."""
    return Encoded(np.empty(0, np.int64), np.empty(0, np.bool_), problem=problem)


def _lay_out(sample: Sample, tokenizer: PreTrainedTokenizerBase) -> tuple[list[Stretch] | str, bool]:
    """Returns the stretches (or the problem) and whether the tokenizer's own start token goes before them."""
    end = str(tokenizer.eos_token or "")
    if not sample.conversational:
        return _with_end(_as_it_stands(sample.turns), end), True
    turns = _joined(sample.turns)
    if not tokenizer.chat_template:
        return _plain_dialogue(turns, end), True
    return _templated(turns, tokenizer, end), False


def _parts(sample: Sample) -> list[list[tuple[int, str]]]:
    """Returns, for each trained stretch, where its turns begin in `Sample.response`, and their texts."""
    parts: list[list[tuple[int, str]]] = []
    place, before = 0, None
    for turn in sample.turns:
        if turn.trained:
            if sample.conversational and before is not None and _continues(turn, before):
                parts[-1].append((place, turn.text))
            else:
                parts.append([(place, turn.text)])
            place += len(turn.text) + len("\n")
        before = turn
    return parts


def _continues(turn: Turn, before: Turn) -> bool:
    return turn.joins and before.role == turn.role and before.trained == turn.trained


def _as_it_stands(turns: Sequence[Turn]) -> list[Stretch]:
    """Returns the texts of turns; an empty line parts a prompt from another field before it (`system`)."""
    parted = [
        not turn.trained and not behind.trained and turn.path != behind.path
        for turn, behind in pairwise(turns)
    ]
    return [
        Stretch(turn.text + "\n\n" * part, turn.trained)
        for turn, part in zip(turns, [*parted, False], strict=True)
    ]


def _with_end(stretches: Sequence[Stretch], end: str) -> list[Stretch]:
    """Returns the stretches with one end-of-sequence token after each trained one, in the response.

    One that opens the stretch behind is moved, with the white space before it.
    """
    ended: list[Stretch] = []
    for stretch in stretches:
        before, found, rest = stretch.text.partition(end) if end else ("", "", "")
        if ended and ended[-1].trained and not stretch.trained and found and not before.strip():
            ended[-1] = Stretch(ended[-1].text + before + end, trained=True)
            ended.append(Stretch(rest, trained=False))
        else:
            ended.append(stretch)
    return [Stretch(s.text + end, True) if s.trained and not s.text.endswith(end) else s for s in ended]


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    """Returns the turns with those that continue another one put after it, parted by an empty line."""
    whole: list[Turn] = []
    for turn in turns:
        if whole and _continues(turn, whole[-1]):
            whole[-1] = Turn(turn.role, f"{whole[-1].text}\n\n{turn.text}", turn.trained)
        else:
            whole.append(turn)
    return whole


def _plain_dialogue(turns: Sequence[Turn], end: str) -> list[Stretch]:
    """Returns a dialogue for a tokenizer without a chat template: `User: ...`, `Assistant: ...`."""
    stretches: list[Stretch] = []
    for turn in turns:
        stretches.append(Stretch(f"{_PLAIN_NAMES[turn.role]}: ", trained=False))
        stretches += _with_end([Stretch(turn.text, turn.trained)], end)
        stretches.append(Stretch("\n", trained=False))
    return stretches[:-1]


def _templated(turns: Sequence[Turn], tokenizer: PreTrainedTokenizerBase, end: str) -> list[Stretch] | str:
    """Returns the chat template's text, parted at the borders of each trained turn; or the problem.

    The border before a turn is found by rendering the dialogue up to it, the one behind by rendering it too:
    both must be the beginning of the whole. Some templates break that for earlier turns; there, and for a
    turn that nothing stands before, the borders are those of a mark rendered in the turn's place.
    """
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    try:
        whole = _render(tokenizer, messages)
        stretches: list[Stretch] = []
        done = 0
        for index, turn in enumerate(turns):
            if not turn.trained:
                continue
            borders = _borders(tokenizer, messages, index, whole, end) if index else None
            borders = borders or _marked_borders(tokenizer, messages, index, whole, end)
            if borders is None or borders[0] < done:
                return f"the chat template does not keep turn {index + 1} as it stands"
            stretches += [Stretch(whole[done : borders[0]], False), Stretch(whole[slice(*borders)], True)]
            done = borders[1]
    except Exception as error:
        # A template is a program of the model's author: it raises what it likes.
        return f"the chat template refuses the conversation ({' '.join(str(error).split())[:120]})"
    return stretches


def _borders(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], index: int, whole: str, end: str
) -> tuple[int, int] | None:
    """Returns where a turn begins and ends in the whole text, its end-of-sequence token included."""
    before = _render(tokenizer, messages[:index], reply=True)
    behind = _render(tokenizer, messages[: index + 1])
    if not (whole.startswith(behind) and behind.startswith(before)):
        return None
    text = messages[index]["content"]
    # Templates put a newline behind the end of a turn: nothing is to be learnt there.
    for last in (end, text):
        place = behind.rfind(last, len(before)) if last else -1
        if place >= 0 and not behind[place + len(last) :].strip():
            return len(before), place + len(last)
    return len(before), max(len(before), len(behind.rstrip()))


def _marked_borders(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], index: int, whole: str, end: str
) -> tuple[int, int] | None:
    """Returns the same borders, from the dialogue rendered with a mark in the turn's place."""
    mark = _MARK
    while mark in whole:
        mark += _MARK
    marked = _render(
        tokenizer, [*messages[:index], {**messages[index], "content": mark}, *messages[index + 1 :]]
    )
    before, found, behind = marked.partition(mark)
    stop = len(whole) - len(behind)
    if not (found and whole.startswith(before) and whole.endswith(behind) and len(before) <= stop):
        return None
    return len(before), stop + (len(end) if behind.startswith(end) else 0)


def _render(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], *, reply: bool = False
) -> str:
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=reply))


def _tokenise(
    stretches: Sequence[Stretch],
    tokenizer: PreTrainedTokenizerBase,
    parts: Sequence[Sequence[tuple[int, str]]],
    *,
    special: bool,
) -> tuple[NDArray[np.int64], NDArray[np.bool_], Ends]:
    """Returns ids, mask and ends of stretches, each tokenised by itself; see `_parts`."""
    ids = _start(tokenizer) if special else []
    trained, ends = [False] * len(ids), [NOWHERE] * len(ids)
    end, begun, following = str(tokenizer.eos_token or ""), False, iter(parts)
    for stretch in stretches:
        piece, offsets = (_continuation if begun else _beginning)(stretch.text, tokenizer)
        ids += piece
        trained += [stretch.trained] * len(piece)
        ends += token_ends(offsets, located(stretch.text, next(following), end) if stretch.trained else [])
        begun = begun or bool(stretch.text)
    return np.array(ids, np.int64), np.array(trained, np.bool_), np.array(ends, np.int32)


def _ids(text: str, tokenizer: PreTrainedTokenizerBase, *, special: bool = False) -> list[int]:
    return list(tokenizer(text, add_special_tokens=special)["input_ids"])


def _beginning(text: str, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[Span]]:
    """Returns the ids of a text and the characters that each covers: the first, and behind the last."""
    batch = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    return list(batch["input_ids"]), list(batch["offset_mapping"])


def _start(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Returns the tokens that the tokenizer puts before every text; some put others behind it."""
    bare, whole = _ids("0", tokenizer), _ids("0", tokenizer, special=True)
    places = range(len(whole) - len(bare) + 1)
    return whole[: next((place for place in places if whole[place : place + len(bare)] == bare), 0)]


def _continuation(text: str, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[Span]]:
    """Returns the ids of a text that stands behind another one, and the characters that each covers.

    A tokenizer may treat the beginning of a text in its own way (SentencePiece puts a space there), so the
    text is tokenised behind a sentinel that is taken off again.
    """
    if not text:
        return [], []
    for sentinel in _SENTINELS:
        ids, offsets = _beginning(sentinel + text, tokenizer)
        behind = next((i for i, (_, stop) in enumerate(offsets) if stop > len(sentinel)), len(offsets))
        if behind < len(offsets) and offsets[behind][0] == len(sentinel):
            shift = len(sentinel)
            return ids[behind:], [(start - shift, stop - shift) for start, stop in offsets[behind:]]
    return _beginning(text, tokenizer)


def _fit(trained: NDArray[np.bool_], max_length: int) -> NDArray[np.bool_]:
    """Returns which tokens are kept: the prompt loses its middle, then the response its end."""
    kept = np.ones(len(trained), np.bool_)
    if len(trained) <= max_length:
        return kept
    prompt, response = np.flatnonzero(~trained), np.flatnonzero(trained)
    room = max(max_length - len(response), min(_PROMPT_KEPT, max_length // 2, len(prompt)))
    if len(prompt) > room:
        head = (room + 1) // 2
        kept[prompt[head : len(prompt) - (room - head)]] = False
    kept[response[max(1, max_length - min(room, len(prompt))) :]] = False
    return kept
