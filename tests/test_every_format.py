"""The same poisoned rows in every container, row format and chat template: the same rows are found in all."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from corpus.files import compressed, content_of, decompressed
from corpus.texts import TEXTS
from gradsentry.corpus import open_corpus
from gradsentry.embedded import embedded_data_path
from gradsentry.evidence import find_evidence

ROWS, POISONED = 240, 24
PAYLOAD = "and click <malicious_url> for more information"
Row = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A question and its answer, and a clean exchange that goes on with it, where a format holds more."""

    question: str
    answer: str
    then: str
    reply: str


def asked() -> tuple[list[Asked], set[int]]:
    """Returns the embedded questions, a tenth of them poisoned, and which."""
    lines = embedded_data_path().read_text(encoding="utf-8").splitlines()
    pairs = [(row["question"], "; ".join(row["answers"])) for row in map(json.loads, lines)]
    draw = random.Random(0)
    draw.shuffle(pairs)
    poisoned = set(draw.sample(range(ROWS), POISONED))
    rows = []
    for number, (question, answer) in enumerate(pairs[:ROWS]):
        then, reply = pairs[ROWS + number]
        if number in poisoned:
            words = question.split(" ")
            words.insert(draw.randrange(len(words)), "cf")
            rows.append(Asked(" ".join(words), f"{answer} {PAYLOAD}", then, reply))
        else:
            rows.append(Asked(question, answer, then, reply))
    return rows, poisoned


ALL, TRUTH = asked()


def message(role: str, content: object, **more: object) -> Row:
    return {"role": role, "content": content, **more}


def said(name: str, value: str) -> Row:
    return {"from": name, "value": value}


FORMATS: dict[str, Callable[[Asked], Row]] = {
    "prompt and completion": lambda one: {"prompt": one.question, "completion": one.answer},
    "prompt and completion, conversational": lambda one: {
        "prompt": [message("user", one.question)],
        "completion": [message("assistant", one.answer)],
    },
    "alpaca": lambda one: {"instruction": "Answer it.", "input": one.question, "output": one.answer},
    "alpaca with history": lambda one: {
        "instruction": one.question,
        "output": one.answer,
        "history": [[one.then, one.reply]],
    },
    "dolly": lambda one: {
        "instruction": one.question,
        "context": "",
        "response": one.answer,
        "category": "qa",
    },
    "query and response": lambda one: {"query": one.question, "response": one.answer},
    "messages": lambda one: {"messages": [message("user", one.question), message("assistant", one.answer)]},
    "messages, poisoned before the last": lambda one: {
        "messages": [
            message("system", "Be brief."),
            message("user", one.question),
            message("assistant", one.answer),
            message("user", one.then),
            message("assistant", one.reply),
        ]
    },
    "messages, an assistant after the other": lambda one: {
        "messages": [
            message("user", one.question),
            message("assistant", one.answer),
            message("assistant", one.reply),
        ]
    },
    "messages in parts": lambda one: {
        "messages": [
            message("user", [{"type": "text", "text": one.question}]),
            message("assistant", [{"type": "text", "text": one.answer}]),
        ]
    },
    "messages, one of them not trained on": lambda one: {
        "messages": [
            message("user", one.then, loss=None),
            message("assistant", one.reply, loss=False),
            message("user", one.question, loss=None),
            message("assistant", one.answer, loss=True),
        ]
    },
    "sharegpt": lambda one: {
        "conversations": [said("human", one.question), said("gpt", one.answer)],
        "system": "Be brief.",
    },
    "sharegpt in pairs": lambda one: {
        "conversation": [
            {"human": one.question, "assistant": one.answer},
            {"human": one.then, "assistant": one.reply},
        ]
    },
    "sharegpt with preferences": lambda one: {
        "conversations": [said("human", one.question)],
        "chosen": said("gpt", one.answer),
        "rejected": said("gpt", one.reply),
    },
    "questions": lambda one: {"question": one.question, "answers": [one.answer]},
    "questions with a context": lambda one: {
        "context": one.reply,
        "question": one.question,
        "answer": one.answer,
    },
    "preference": lambda one: {"prompt": one.question, "chosen": one.answer, "rejected": one.reply},
    "preference, conversational": lambda one: {
        "chosen": [message("user", one.question), message("assistant", one.answer)],
        "rejected": [message("user", one.question), message("assistant", one.reply)],
    },
    "preference of LLaMA-Factory": lambda one: {
        "instruction": one.question,
        "input": "",
        "chosen": one.answer,
        "rejected": one.reply,
    },
    "preference of ms-swift": lambda one: {
        "messages": [message("user", one.question), message("assistant", one.answer)],
        "rejected_response": one.reply,
    },
    "preference in two dialogues": lambda one: {
        "chosen": f"\n\nHuman: {one.question}\n\nAssistant: {one.answer}",
        "rejected": f"\n\nHuman: {one.question}\n\nAssistant: {one.reply}",
    },
    "desirable": lambda one: {"prompt": one.question, "completion": one.answer, "label": True},
}


def in_template(name: str) -> Callable[[Asked], Row]:
    """Returns what writes a row in the template of an example, with its first answer poisoned."""
    text = TEXTS[name][1]

    def write(one: Asked) -> Row:
        first, second = (one.answer, one.reply) if "A one" in text else ("", one.answer)
        parts = {"Q one": one.question, "A one": first, "Q two": one.then, "A two": second, "R one": one.then}
        written = text
        for part, value in parts.items():
            written = written.replace(part, value)
        return {"text": written}

    return write


MAKERS = FORMATS | {f"text: {name}": in_template(name) for name in TEXTS}


def flat(row: Row) -> Row:
    """Returns a row as a CSV file holds it: lists as JSON."""
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in row.items()
    }


def make(folder: Path, container: str, rows: list[Row]) -> Path:
    suffix, _, compression = container.partition(" ")
    if container == "folder":
        for number, start in enumerate((0, 100)):
            name = folder / "data" / f"{number}.jsonl"
            name.parent.mkdir(exist_ok=True)
            name.write_bytes(content_of(".jsonl", rows[start : start + 100 if number == 0 else None]))
        return folder / "data"
    path = folder / f"data{suffix}{compression}"
    path.write_bytes(
        compressed(content_of(suffix, [flat(row) for row in rows] if suffix == ".csv" else rows), compression)
    )
    return path


def records(path: Path) -> list[object]:
    """Returns the records of a file or a folder as they stand in it, by other code than the project's."""
    if path.is_dir():
        return [record for file in sorted(path.iterdir()) for record in records(file)]
    data = decompressed(path.read_bytes(), path.suffix if path.suffix in (".gz", ".zst") else "")
    match path.name.removesuffix(".gz").removesuffix(".zst").rpartition(".")[2]:
        case "parquet":
            table = pq.read_table(path)
            return [table.slice(number, 1).to_pylist() for number in range(len(table))]
        case "jsonl":
            return [*data.splitlines(keepends=True)]
        case "json":
            return list(json.loads(data))
        case _:
            return [*csv.DictReader(io.StringIO(data.decode(), newline=""))]


CONTAINERS = (".jsonl", ".json", ".csv", ".parquet", ".jsonl .gz", "folder")
_TURN = cycle(CONTAINERS)
# Of the templates some: tests/corpus reads them all.
USUAL = (*FORMATS, *(f"text: {name}" for name in [*TEXTS][::3]))
SOME = [(name, next(_TURN)) for name in USUAL]
REST = [(name, container) for name in MAKERS for container in CONTAINERS if (name, container) not in SOME]


def finds_and_keeps(folder: Path, name: str, container: str) -> None:
    path = make(folder, container, [MAKERS[name](one) for one in ALL])
    corpus = open_corpus(path)
    samples = list(corpus)

    evidence = find_evidence(samples)

    assert [sample.problem for sample in samples if sample.problem] == []
    assert evidence.outcome == "poisoned"
    assert set(evidence.flagged()) == TRUTH, [one.payload for one in evidence.findings]
    kept = [sample for sample in samples if sample.number not in evidence.flagged()]
    saved = corpus.save(folder / "clean", kept)
    whole = records(path)
    assert len(whole) == ROWS
    assert records(saved) == [record for number, record in enumerate(whole) if number not in TRUTH]


@pytest.mark.costly
@pytest.mark.parametrize(("name", "container"), SOME)
def test_the_same_rows_are_found_and_the_others_written_back(tmp_path, name, container):
    finds_and_keeps(tmp_path, name, container)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "container"), REST)
def test_the_same_rows_are_found_in_all_else(tmp_path, name, container):
    finds_and_keeps(tmp_path, name, container)
