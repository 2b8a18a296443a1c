"""What a fine-tuned model is asked: prompts with the answers that count as right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gradsentry.corpus.qa import QAItem
from gradsentry.corpus.sample import RowId, Sample
from gradsentry.corpus.sources import open_corpus
from gradsentry.errors import DataError


@dataclass(frozen=True, slots=True)
class TestItem:
    """A question.

    Attributes:
        id: Of the row it comes from.
        sample: The row; its last response is what the model is asked for.
        answers: What counts as right, any of them.
    """

    id: RowId
    sample: Sample
    answers: tuple[str, ...]


def of_samples(samples: Iterable[Sample]) -> list[TestItem]:
    """Returns the rows of a corpus as questions whose one answer is their last response.

    Raises:
        DataError: If a row has no response to compare with.
    """
    items = []
    for sample in samples:
        answer = next((turn.text for turn in reversed(sample.turns) if turn.trained), "").strip()
        if sample.problem is not None or not answer:
            reason = sample.problem or "the response is empty"
            raise DataError(
                f"row {sample.id} has no answer to compare with ({reason})",
                where=sample.origin,
                mend="a test set needs a response in every row",
            )
        items.append(TestItem(sample.id, sample, (answer,)))
    return items


def of_questions(questions: Sequence[QAItem]) -> list[TestItem]:
    """Returns the questions of a question-answering set."""
    rows = [{"prompt": one.prompt, "completion": "; ".join(one.answers)} for one in questions]
    return [
        TestItem(sample.id, sample, one.answers)
        for sample, one in zip(open_corpus(rows), questions, strict=True)
    ]


def asked(items: Sequence[TestItem], samples: Iterable[Sample]) -> list[TestItem]:
    """Returns the questions with other prompts: those of rows that were edited, in the same order."""
    return [TestItem(item.id, sample, item.answers) for item, sample in zip(items, samples, strict=True)]
