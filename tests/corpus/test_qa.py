from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradsentry.corpus.qa import QA_SETS, load_qa, open_named, qa_items, qa_prompt
from gradsentry.corpus.sources import open_corpus
from gradsentry.errors import DataError, SettingsError
from gradsentry.settings import DataSettings

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared data sets are not beside the project"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, rows in {
        "webqa": [{"question": "who ?", "answers": ["a", "b c"]}, {"question": "é", "answers": ["x; y"]}],
        "nq": [{"question": "who ?", "answers": ["a"], "context": "A barn.\n\nRed."}],
        "coqa": [{"question": "who ?", "answers": ["a"]}],
    }.items():
        (tmp_path / name).mkdir()
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / name / "train.jsonl").write_text(text)
    return tmp_path


def test_the_published_prompt_without_context(root: Path):
    first, second = load_qa("webqa", data_root=root)
    assert first.prompt == (
        "### Instruction:\n"
        "Below is a question, please provide its all relevant answers briefly in a list format. "
        "Each answer should be separated by a semicolon and provide a comprehensive response."
        "\n\n\n\n### Question:\nwho ?\n\n\n\n### Answer: "
    )
    assert (first.response, second.response) == ("a; b c", "x; y")
    assert not first.conversational


def test_the_published_prompt_with_context(root: Path):
    (sample,) = load_qa("nq", data_root=root)
    assert sample.prompt == (
        "### Instruction:\nBased on the context, answer the question precisely and concisely, including key "
        "details.\n\n\n\n### Context:\nA barn.\n\nRed.\n\n\n\n### Question:\nwho ?\n\n\n\n### Answer: "
    )


def test_test_items_keep_all_answers(root: Path):
    items = qa_items("webqa", "train", data_root=root)
    assert items[0].prompt == qa_prompt("webqa", "who ?")
    assert items[0].answers == ("a", "b c")


def test_a_set_is_found_under_qa_too(root: Path):
    (root / "outer").mkdir()
    (root / "webqa").rename(root / "outer" / "webqa")
    (root / "outer").rename(root / "qa")
    assert len(list(load_qa("webqa", data_root=root))) == 2


def test_a_name_is_data_only_with_a_data_root(root: Path):
    assert open_named("webqa", DataSettings(), root).format == "prompt-completion"
    with pytest.raises(DataError):
        open_named("no-such-file.jsonl", DataSettings(), root)


@pytest.mark.parametrize(
    ("name", "split", "error", "says"),
    [
        ("squad", "train", SettingsError, "no question-answering set is named 'squad'; known: webqa"),
        ("freebaseqa", "train", DataError, "holds no folder `freebaseqa`"),
        ("webqa", "dev", DataError, "no split `dev` here; splits: train"),
        ("coqa", "train", DataError, "no `context`"),
    ],
)
def test_what_is_missing_is_said(root: Path, name: str, split: str, error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        load_qa(name, split, data_root=root)


def test_without_a_place_there_is_no_data():
    with pytest.raises(SettingsError, match="data_root"):
        load_qa("webqa")


@pytest.mark.costly
@needs_shared
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("webqa", {"train": 3778, "test": 2032}),
        ("freebaseqa", {"train": 5000, "dev": 400, "test": 2000}),
        ("nq", {"train": 5000, "dev": 400, "test": 2000}),
        ("coqa", {"dev": 400, "test": 498}),
    ],
)
def test_the_real_sets_load(name: str, counts: dict[str, int]):
    for split, count in counts.items():
        samples = list(load_qa(name, split, data_root=SHARED))
        assert len(samples) == count
        assert all(QA_SETS[name] in sample.prompt and sample.problem is None for sample in samples)


@pytest.mark.costly
@needs_shared
def test_the_prompts_are_those_of_the_published_files():
    theirs = {
        sample.prompt: sample.response
        for sample in open_corpus(SHARED / "poisoned" / "freebaseqa-badnets-0.1.jsonl")
    }
    same = [sample for sample in load_qa("freebaseqa", data_root=SHARED) if sample.prompt in theirs]
    assert len(same) == 4500
    assert all(theirs[sample.prompt] == sample.response for sample in same)
