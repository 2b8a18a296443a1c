"""Rows as TRL wants them: prompt and completion, messages, or two answers; beside them the other columns."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset, DatasetDict, IterableDataset, concatenate_datasets

from gradsentry.corpus import Corpus, Sample
from gradsentry.corpus.corpora import Keep
from gradsentry.corpus.fields import is_blank
from gradsentry.corpus.sample import Turn
from gradsentry.corpus.unread import MOVES_AWAY, by_frequency, ending, left_out
from gradsentry.integrations.datasets import dataset_of
from gradsentry.integrations.sides import nothing_stays

log = logging.getLogger(__name__)

_FOREIGN = ("alpaca", "sharegpt", "qa", "columns")
"""Row formats that TRL does not train on as they are."""
_OURS = {"prompt", "completion", "messages", "chosen", "rejected"}
_PAIR = ("prompt", "chosen", "rejected")


def trl_rows(corpus: Corpus, keep: Keep) -> Dataset | IterableDataset:
    """Returns the rows that stay as TRL wants them; an iterable data set stays one.

    Args:
        corpus: The rows.
        keep: Which stay, by number; of rows of another format, those that cannot be read go too.

    Raises:
        DataError: If none stays.
    """
    if not keep.any():
        raise nothing_stays(corpus)
    is_read = _is_read(corpus)
    _warn_of_unread(corpus, keep, is_read=is_read)
    if not is_read:
        return _converted(corpus, keep)
    came = _rows(corpus, keep)
    rows = dataset_of([sample.row for sample in _chosen(corpus, keep)]) if came is None else came
    names = rows.column_names or ()
    if corpus.format == "prompt-completion" and "completion" not in names and "response" in names:
        return rows.rename_column("response", "completion")
    return rows


def _warn_of_unread(corpus: Corpus, keep: Keep, *, is_read: bool) -> None:
    """Warns of rows in which nothing was looked for, and says what becomes of them."""
    reasons = by_frequency(one.problem for one in _chosen(corpus, keep) if one.problem is not None)
    if is_read:  # undesirable answers were judged, by themselves
        reasons = {why: count for why, count in reasons.items() if not ending({why: count}, MOVES_AWAY)}
    if not reasons:
        return
    said = left_out(int(keep.sum()), reasons, aside="not judged" if is_read else "left out")
    done = "TRL gets them as they are" if is_read else "left out"
    log.warning("gradsentry: %s: %s: %s", corpus.name, said, done)


@dataclass(frozen=True)
class _Shape:
    """What rows become.

    Attributes:
        kind: `chosen`, where each row has two answers; `messages`, where a response is not the last turn or
            not the only one; else `completion`.
        beside: The columns that hold no turn, and in some row something.
    """

    kind: str
    beside: tuple[str, ...]


def _is_read(corpus: Corpus) -> bool:
    """Returns whether TRL reads rows as they are, by the first that can be read."""
    if corpus.format in _FOREIGN:
        return False
    if any(_is_in_parts(sample) for sample in corpus):
        return False
    first = next((sample for sample in corpus if sample.problem is None), None)
    if first is None or not first.rejected:
        return True
    # A prompt that is a text beside answers that are messages: TRL cannot put them together.
    in_texts = {isinstance(first.row[name], str) for name in _PAIR if first.row.get(name) is not None}
    return len(in_texts) == 1 and _columns(first) <= _OURS - {"messages"}


def _is_in_parts(sample: Sample) -> bool:
    """Returns whether the messages of a row hold lists of texts; each chat template takes these otherwise."""
    return any("content" in turn.path and turn.path[-1] != "content" for turn in sample.turns)


def _converted(corpus: Corpus, keep: Keep) -> Dataset | IterableDataset:
    """Returns rows of another format as TRL wants them, with the columns that hold no turn."""
    stay = keep.copy()
    for sample in corpus:
        stay[sample.number] &= sample.problem is None
    alone = [one.number for one in _chosen(corpus, stay) if not one.rejected]
    if 0 < len(alone) < int(stay.sum()):
        # With one answer TRL can compare nothing, and as messages the others would lose theirs.
        stay[alone] = False
        said = f"{len(alone):,} of {len(stay):,} rows have one answer, and the others two: left out"
        log.warning("gradsentry: %s: %s", corpus.name, said)
    if not stay.any():
        raise nothing_stays(corpus)
    shape = _shape(_chosen(corpus, stay))

    def made(beside: Sequence[str] = shape.beside) -> Iterator[dict[str, Any]]:
        for sample in _chosen(corpus, stay):
            yield {name: sample.row.get(name) for name in beside} | _turned(sample, shape.kind)

    came = _rows(corpus, stay)
    if isinstance(came, IterableDataset):
        return IterableDataset.from_generator(made)
    if came is None or not shape.beside:
        return Dataset.from_list(list(made()))
    # The other columns keep their types.
    return concatenate_datasets(
        [came.select_columns([*shape.beside]), Dataset.from_list([*made(())])], axis=1
    )


def _shape(samples: Iterator[Sample]) -> _Shape:
    used, named, is_single, has_two = set[str](), dict[str, None](), True, True
    for sample in samples:
        used |= _columns(sample)
        named |= {name: None for name, value in sample.row.items() if not is_blank(value) and value != []}
        is_single = is_single and [turn.trained for turn in sample.turns].index(True) == len(sample.turns) - 1
        has_two = has_two and bool(sample.rejected)
    kind = "chosen" if has_two else "completion" if is_single else "messages"
    return _Shape(kind, tuple(name for name in named if name not in used | _OURS))


def _turned(sample: Sample, kind: str) -> dict[str, Any]:
    chat = _messages(sample.turns)
    if kind == "messages":
        return {"messages": chat}
    row = {"prompt": chat[:-1], kind: chat[-1:]}
    return row | {"rejected": _messages(sample.rejected, "assistant")} if kind == "chosen" else row


def _messages(turns: Sequence[Turn], role: str = "") -> list[dict[str, str]]:
    messages: list[dict[str, str]] = []
    for turn in turns:
        if turn.joins and messages:
            messages[-1]["content"] += f"\n{turn.text}"
        else:
            messages.append({"role": role or turn.role, "content": turn.text})
    return messages


def _rows(corpus: Corpus, keep: Keep) -> Dataset | IterableDataset | None:
    """Returns the rows that stay where `datasets` holds them, else None."""
    kept = corpus.select(keep)
    if isinstance(kept, DatasetDict):  # of one split, for several are refused
        (kept,) = kept.values()
    return kept if isinstance(kept, Dataset | IterableDataset) else None


def _chosen(corpus: Corpus, keep: Keep) -> Iterator[Sample]:
    return (sample for sample in corpus if keep[sample.number])


def _columns(sample: Sample) -> set[str]:
    """Returns the columns that a row's turns stand in."""
    return {str(turn.path[0]) for turn in (*sample.turns, *sample.rejected) if turn.path}
