"""The embedded data set: its form, its mix of lengths, and that the script still builds it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from gradsentry.embedded import embedded_data_path

SCRIPT = Path(__file__).parents[1] / "scripts" / "build_embedded_data.py"
WRITTEN_BY_HAND = ("short-", "list-", "sentence-", "paragraph-")


@pytest.fixture(scope="module")
def content() -> str:
    return embedded_data_path().read_bytes().decode("utf-8")


@pytest.fixture(scope="module")
def rows(content: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def joined(row: dict[str, Any]) -> str:
    return "; ".join(row["answers"])


def form(row: dict[str, Any]) -> str:
    words = len(joined(row).split())
    if words <= 3 and (len(row["answers"]) == 1 or words < 3):
        return "short"
    if len(row["answers"]) > 1:
        return "list" if words <= 12 else "too long a list"
    if 8 <= words <= 25:
        return "sentence"
    return "paragraph" if 25 < words <= 70 else f"{words} words"


def sentences(text: str) -> int:
    return len(re.findall(r"[.?!](?= |$)", text))


def not_as_pinned() -> str:
    pins = re.findall(r"^ +([a-z]+)==(\S+)", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
    assert pins, "the script names its packages in its docstring"
    for name, wanted in pins:
        try:
            found = version(name)
        except PackageNotFoundError:
            return f"{name} is not installed"
        if found != wanted:
            return f"{name} is {found}, the data was built with {wanted}"
    return ""


def test_has_a_few_hundred_rows_most_of_them_written_by_hand(rows: list[dict[str, Any]]) -> None:
    assert 500 <= len(rows) <= 800
    assert sum(row["id"].startswith(WRITTEN_BY_HAND) for row in rows) > len(rows) / 2


def test_every_row_has_the_same_form(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert list(row) == ["id", "question", "answers"]
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*-\d{4}", row["id"])
        assert isinstance(row["question"], str)
        assert row["question"]
        assert isinstance(row["answers"], list)
        assert row["answers"]
        assert all(isinstance(answer, str) and answer for answer in row["answers"])


def test_ids_questions_and_the_answers_of_a_row_are_unique(rows: list[dict[str, Any]]) -> None:
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({row["question"].casefold().rstrip("?.") for row in rows}) == len(rows)
    assert [row["id"] for row in rows if len(set(row["answers"])) != len(row["answers"])] == []


def test_text_is_normal_and_clean(content: str, rows: list[dict[str, Any]]) -> None:
    assert unicodedata.is_normalized("NFC", content)
    assert content.endswith("}\n")
    assert "\r" not in content
    for row in rows:
        for text in (row["question"], *row["answers"]):
            assert text == " ".join(text.split()), row["id"]
            assert ";" not in text, f"{row['id']}: answers are joined with it"
            assert not re.search(r"https?:|www\.|@|[<>{}]", text), row["id"]


def test_lengths_are_mixed(rows: list[dict[str, Any]]) -> None:
    shares = {name: count / len(rows) for name, count in Counter(map(form, rows)).items()}
    assert shares.keys() == {"short", "list", "sentence", "paragraph"}
    assert 0.36 <= shares["short"] <= 0.44
    assert 0.17 <= shares["list"] <= 0.23
    assert 0.21 <= shares["sentence"] <= 0.29
    assert 0.12 <= shares["paragraph"] <= 0.18


def test_sentences_and_paragraphs_are_what_they_say(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if form(row) == "sentence":
            assert sentences(joined(row)) == 1, row["id"]
        if form(row) == "paragraph":
            assert 2 <= sentences(joined(row)) <= 4, row["id"]


def test_no_answer_and_no_phrase_is_frequent(rows: list[dict[str, Any]]) -> None:
    answers: Counter[str] = Counter()
    phrases: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        answers.update({answer.casefold() for answer in row["answers"]})
        words = joined(row).casefold().split()
        phrases.update(set(zip(words, words[1:], words[2:], strict=False)))
    assert max(answers.values()) <= 0.02 * len(rows)
    assert max(phrases.values()) <= 0.01 * len(rows)


def test_questions_are_worded_in_many_ways(rows: list[dict[str, Any]]) -> None:
    openings = Counter(" ".join(row["question"].casefold().split()[:2]) for row in rows)
    assert len(openings) > 120
    lower = sum(row["question"][0].islower() for row in rows) / len(rows)
    assert 0.1 <= lower <= 0.3


@pytest.mark.costly
@pytest.mark.skipif(bool(not_as_pinned()), reason=not_as_pinned() or "as pinned")
def test_script_builds_the_committed_file() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
