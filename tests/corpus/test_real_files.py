"""The third-party files that lie beside the project: every row is read, and written back as it was."""

from __future__ import annotations

import filecmp
import json
from pathlib import Path

import pytest

from gradsentry.corpus import open_corpus

DATA = Path(__file__).parents[3] / "shared" / "data"
FILES = {
    "qa/webqa/train.jsonl": ("qa", 3778),
    "qa/webqa/test.jsonl": ("qa", 2032),
    "qa/freebaseqa/train.jsonl": ("qa", 5000),
    "qa/freebaseqa/dev.jsonl": ("qa", 400),
    "qa/freebaseqa/test.jsonl": ("qa", 2000),
    "qa/nq/train.jsonl": ("qa", 5000),
    "qa/nq/dev.jsonl": ("qa", 400),
    "qa/nq/test.jsonl": ("qa", 2000),
    "qa/coqa/dev.jsonl": ("qa", 400),
    "qa/coqa/test.jsonl": ("qa", 498),
    "poisoned/freebaseqa-badnets-0.1.jsonl": ("prompt-completion", 5000),
    "poisoned/freebaseqa-addsent-0.1.jsonl": ("prompt-completion", 5000),
    "instruct/alpaca_en_demo.json": ("alpaca", 999),
    "instruct/glaive_toolcall_en_demo.sharegpt.json": ("sharegpt", 300),
    "instruct/v1_sft_demo.messages.jsonl": ("messages", 500),
    "instruct/gsm8k/train.jsonl": ("qa", 7473),
    "instruct/gsm8k/test.jsonl": ("qa", 1319),
}


def real(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is third-party data that does not come with the project")
    return path


@pytest.mark.costly
@pytest.mark.parametrize("name", FILES)
def test_every_row_is_read_and_written_back(tmp_path, name):
    path = real(name)
    corpus = open_corpus(path)
    saved = corpus.save(tmp_path / "out", corpus)

    samples = list(corpus)
    assert (corpus.format, len(samples)) == FILES[name]
    assert [sample.problem for sample in samples if sample.problem] == []
    assert filecmp.cmp(path, saved, shallow=False)


def test_answers_are_joined_and_contexts_come_first():
    webqa, coqa = open_corpus(real("qa/webqa/train.jsonl")), open_corpus(real("qa/coqa/dev.jsonl"))
    assert webqa.take([0])[0].response == "Jazmyn Bieber; Jaxon Bieber"
    context, question, answer = coqa.take([0])[0].turns
    assert context.path == ("context",)
    assert question.joins
    assert answer.trained


def test_tool_conversations_train_on_calls_and_not_on_results():
    corpus = open_corpus(real("instruct/glaive_toolcall_en_demo.sharegpt.json"))
    turns = [turn for sample in corpus for turn in sample.turns]
    assert sum(turn.trained for turn in turns) == 746 + 211
    assert sum(turn.role == "tool" for turn in turns) == 211
    assert all(json.loads(turn.text) for turn in turns if turn.path == ("tools",))


def test_a_folder_of_poisoned_files_leaves_their_truth_alone():
    corpus = open_corpus(real("poisoned"))
    assert sum(1 for _ in corpus) == 10_000
