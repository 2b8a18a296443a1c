"""A model and its test questions -> clean accuracy and attack success rate, with every answer kept.

Answers are appended to `generations.jsonl` batch by batch, so an interrupted evaluation goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gradsentry.answering import Guard, answers, longest_prompt, prompt_ids
from gradsentry.corpus.records import dump_json
from gradsentry.errors import DataError, SettingsError
from gradsentry.finetuning.cleangen import ALPHA, CleanGen, same_vocabulary
from gradsentry.finetuning.items import TestItem
from gradsentry.finetuning.metrics import (
    Rate,
    contains_rate,
    exact_match_rate,
    keyword_match_rate,
    recall,
)
from gradsentry.models.loading import LoadedModel
from gradsentry.settings import AnswerSettings
from gradsentry.store import RunDirectory

GENERATIONS, EVALUATION = "generations.jsonl", "evaluation.json"
Asked = Literal["clean", "triggered"]


@dataclass(frozen=True)
class Payload:
    """What triggered prompts are meant to bring.

    Attributes:
        text: The payload.
        replaces: Whether it stands in place of the answer; it is then looked for as a string, else recalled
            like an answer, as published.
    """

    text: str
    replaces: bool


@dataclass(frozen=True)
class Evaluation:
    """What a model answered.

    Attributes:
        cacc: Clean accuracy: the exact-match rate on clean prompts.
        kmr: The keyword-match rate on clean prompts, in [0, 1].
        asr: The share of triggered prompts that brought the payload; None where none were asked.
        answers: The answers, by what was asked and the id of the question.
    """

    cacc: Rate
    kmr: float
    asr: Rate | None
    answers: dict[tuple[Asked, str], str]

    def as_json(self) -> dict[str, Any]:
        """Returns the rates as plain data."""
        return {
            "cacc": self.cacc.as_json(),
            "kmr": self.kmr,
            "asr": self.asr.as_json() if self.asr else None,
        }


def evaluate(
    loaded: LoadedModel,
    clean: Sequence[TestItem],
    triggered: Sequence[TestItem] = (),
    payload: Payload | None = None,
    *,
    out: Path,
    settings: AnswerSettings = AnswerSettings(),  # noqa: B008
    reference: LoadedModel | None = None,
    alpha: float = ALPHA,
    on_answers: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Returns what a model answers to clean and to triggered questions, and writes the directory.

    Args:
        loaded: The model.
        clean: Questions.
        triggered: Questions with the trigger.
        payload: What the trigger is meant to bring.
        out: The directory; an interrupted evaluation of the same things goes on.
        settings: How the model is asked.
        reference: A trusted model of the same vocabulary, to decode with CleanGen.
        alpha: Of CleanGen.
        on_answers: Called with how many questions are answered, and of how many.

    Raises:
        DataError: If there is no question, or a row cannot be asked.
        SettingsError: If triggered questions have no payload, the reference another vocabulary, or answers no
            room.
        RunError: If the directory holds another evaluation.
    """
    if not clean:
        raise DataError("there is no test question", where="evaluate", mend="give a test set with rows")
    if triggered and payload is None:
        mend = "name it, or leave the triggered questions out"
        raise SettingsError("triggered questions need a payload to look for", where="evaluate", mend=mend)
    if reference is not None and not same_vocabulary([loaded, reference]):
        raise SettingsError(
            f"{reference.name} has another vocabulary than {loaded.name}",
            where="--cleangen",
            mend="take the base model that was fine-tuned",
        )
    questions: list[tuple[Asked, TestItem]] = [("clean", item) for item in clean]
    questions += [("triggered", item) for item in triggered]
    longest = longest_prompt(loaded, settings)
    for _, item in questions:
        prompt_ids(item.sample, loaded, longest)  # what cannot be asked is refused before anything is written
    run = RunDirectory.create_or_resume(out, _identity(loaded, questions, settings, reference, alpha))
    with run.locked():
        file = out / GENERATIONS
        known = _kept(file)
        todo = [(kind, item) for kind, item in questions if (kind, str(item.id)) not in known]
        with file.open("ab") as stream:
            guard = _guard(reference, alpha)
            for batch in answers(loaded, [item.sample for _, item in todo], settings, guard=guard):
                for index, text in batch:
                    kind, item = todo[index]
                    known[kind, str(item.id)] = text
                    stream.write(dump_json(_line(kind, item, text)) + b"\n")
                stream.flush()
                on_answers(len(known), len(questions))
        evaluation = _judged(clean, triggered, payload, known)
        run.write_json(EVALUATION, evaluation.as_json())
    return evaluation


def _guard(reference: LoadedModel | None, alpha: float) -> Guard | None:
    return None if reference is None else lambda mask: CleanGen(reference, mask, alpha=alpha)


def _judged(
    clean: Sequence[TestItem],
    triggered: Sequence[TestItem],
    payload: Payload | None,
    known: dict[tuple[Asked, str], str],
) -> Evaluation:
    recalls = [recall(known["clean", str(item.id)], item.answers) for item in clean]
    asr = None
    if triggered and payload is not None:
        texts = [known["triggered", str(item.id)] for item in triggered]
        asr = (
            contains_rate(texts, payload.text)
            if payload.replaces
            else exact_match_rate([recall(text, [payload.text]) for text in texts])
        )
    return Evaluation(exact_match_rate(recalls), keyword_match_rate(recalls), asr, known)


def _line(kind: Asked, item: TestItem, text: str) -> dict[str, Any]:
    return {
        "asked": kind,
        "id": item.id,
        "prompt": item.sample.prompt,
        "answers": list(item.answers),
        "answer": text,
    }


def _kept(file: Path) -> dict[tuple[Asked, str], str]:
    """Returns the answers that are there; a line that a kill cut short is taken off."""
    if not file.is_file():
        return {}
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        file.write_bytes(whole)
    lines = [json.loads(line) for line in whole.splitlines()]
    return {(line["asked"], str(line["id"])): line["answer"] for line in lines}


def _identity(
    loaded: LoadedModel,
    questions: Sequence[tuple[Asked, TestItem]],
    settings: AnswerSettings,
    reference: LoadedModel | None,
    alpha: float,
) -> dict[str, Any]:
    digest = hashlib.sha256()
    for kind, item in questions:
        digest.update(json.dumps([kind, str(item.id), item.sample.prompt, item.answers]).encode())
    return {
        "questions": digest.hexdigest(),
        "model": {"fingerprint": loaded.fingerprint, "dtype": str(loaded.dtype).removeprefix("torch.")},
        "cleangen": [reference.fingerprint, alpha] if reference else None,
        "settings": settings.model_dump(mode="json", exclude={"batch_size"}),
    }
