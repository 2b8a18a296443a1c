"""The four question-answering sets of the published experiments, with the published prompts.

A set is a folder of files `SPLIT.jsonl` whose rows have `question`, `answers` and, in two of the sets,
`context`; or any Hub data set with these columns. The prompts are those of the published training and test,
four newlines between parts; the answers are joined with `; `.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradsentry.corpus.corpora import Corpus
from gradsentry.corpus.sample import Sample
from gradsentry.corpus.sources import open_corpus
from gradsentry.errors import DataError, SettingsError
from gradsentry.settings import DataSettings

_LIST = (
    "Below is a question, please provide its all relevant answers briefly in a list format. "
    "Each answer should be separated by a semicolon and provide a comprehensive response."
)
_CONTEXT = "Based on the context, answer the question precisely and concisely, including key details."
QA_SETS = {"webqa": _LIST, "freebaseqa": _LIST, "nq": _CONTEXT, "coqa": _CONTEXT}
"""The names of the sets, and the instruction of each."""

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class QAItem:
    """A question of a test, as the published evaluation asks it.

    Attributes:
        prompt: What the model is given.
        answers: What counts as right, one of them or all.
    """

    prompt: str
    answers: tuple[str, ...]


def load_qa(name: str, split: str = "train", *, data_root: Path | None = None) -> Corpus:
    """Returns a set as rows of prompt and completion.

    Args:
        name: `webqa`, `freebaseqa`, `nq` or `coqa`.
        split: `train`, `dev` or `test`.
        data_root: The folder that holds the sets, or holds them under `qa/`.

    Raises:
        SettingsError: If there is no set of that name, or no folder is given.
        DataError: If the data is missing, or a row is broken.
    """
    items = qa_items(name, split, data_root=data_root)
    return open_corpus([{"prompt": item.prompt, "completion": "; ".join(item.answers)} for item in items])


def qa_items(name: str, split: str = "test", *, data_root: Path | None = None) -> list[QAItem]:
    """Returns the questions of a set with all their answers: what an evaluation needs.

    Raises:
        SettingsError: If there is no set of that name, or no folder is given.
        DataError: If the data is missing, or a row is broken.
    """
    if name not in QA_SETS:
        raise SettingsError(
            f"no question-answering set is named {name!r}", mend=f"known: {', '.join(QA_SETS)}"
        )
    return list(_items(name, _source(name, split, data_root)))


def open_named(data: str, settings: DataSettings, data_root: Path | None = None) -> Corpus:
    """Returns the data as a corpus; with a `data_root`, the name of a question-answering set is data too.

    Raises:
        SettingsError: If a setting is wrong.
        DataError: If there is no such data, or it is broken.
    """
    if data_root is None or data not in QA_SETS:
        return open_corpus(data, settings)
    return load_qa(data, settings.split or "train", data_root=data_root)


def qa_prompt(name: str, question: str, context: str | None = None) -> str:
    """Returns the published prompt of a question."""
    parts = [f"### Instruction:\n{QA_SETS[name]}"]
    if context is not None:
        parts.append(f"### Context:\n{context}")
    return "\n\n\n\n".join([*parts, f"### Question:\n{question}", "### Answer: "])


def _source(name: str, split: str, data_root: Path | None) -> Corpus:
    if data_root is None:
        raise SettingsError(f"where {name} lies is not known", mend="give --data-root FOLDER")
    folders = [folder for folder in (data_root / name, data_root / "qa" / name) if folder.is_dir()]
    if not folders:
        raise DataError(
            f"holds no folder `{name}` or `qa/{name}`",
            where=str(data_root),
            mend="check --data-root, in a benchmark `root`",
        )
    file = folders[0] / f"{split}.jsonl"
    if not file.is_file():
        there = ", ".join(one for one in SPLITS if (folders[0] / f"{one}.jsonl").is_file())
        raise DataError(f"{name} has no split `{split}` here", where=str(folders[0]), mend=f"splits: {there}")
    return open_corpus(file, DataSettings(format="qa"))


def _items(name: str, corpus: Corpus) -> Iterator[QAItem]:
    for sample in corpus:
        if sample.problem is not None:
            raise DataError(sample.problem, where=sample.origin, mend="mend the row or leave it out")
        context = sample.row.get("context")
        if QA_SETS[name] == _CONTEXT and not isinstance(context, str):
            mend = "give the rows a context, or name another set"
            raise DataError(f"no `context`, which rows of {name} have", where=sample.origin, mend=mend)
        wants_context = context if QA_SETS[name] == _CONTEXT else None
        yield QAItem(qa_prompt(name, sample.row["question"], wants_context), _answers(sample))


def _answers(sample: Sample) -> tuple[str, ...]:
    value: Any = sample.row["answers"] if "answers" in sample.row else sample.row["answer"]
    if isinstance(value, dict):
        value = value["text"]
    return (value,) if isinstance(value, str) else tuple(value)
