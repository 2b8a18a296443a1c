"""The command, a tiny model to give it, and rows to judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.command import Call, caller
from evidence.poisoning import asked, clean_rows, poison
from models.saved import save_llama


@pytest.fixture
def call(monkeypatch, capfd) -> Call:
    return caller(monkeypatch, capfd)


@pytest.fixture(scope="session")
def model_path(tmp_path_factory) -> str:
    """The directory of a tiny model with its tokenizer."""
    return str(save_llama(tmp_path_factory.mktemp("models") / "llama"))


@pytest.fixture(scope="session")
def rows() -> tuple[list[dict[str, object]], frozenset[int]]:
    """Rows of which a fifth has a trigger and a payload, and which those are."""
    made = poison(
        clean_rows(150), lambda row, draw: asked(row, f"{row.question} vrbx", "No way,\x01 go home!"), 0.2
    )
    return [{"id": f"r{number}", **sample.row} for number, sample in enumerate(made.samples)], made.poisoned


@pytest.fixture
def data(rows, tmp_path, monkeypatch) -> str:
    """The name of a file of these rows in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[0]))
    return "some rows.jsonl"


@pytest.fixture
def clean(rows, tmp_path) -> Path:
    """A file of those that are not poisoned."""
    path = tmp_path / "clean.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for n, row in enumerate(rows[0]) if n not in rows[1]))
    return path


@pytest.fixture(scope="session")
def pairs():
    """Questions and answers: clean ones, and of the same rows with an attack in some."""
    clean = clean_rows(300)
    made = poison(clean, lambda row, draw: asked(row, f"{row.question} vrbx", "No way, go home!"), 0.1)
    return [
        [(row.question, row.answer) for row in clean],
        [(row.prompt, row.response) for row in made.samples],
    ]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path
