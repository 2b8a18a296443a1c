"""Rows of numbered words for the tiny models, in memory and in files."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from models.tiny import VOCABULARY

Rows = list[dict[str, Any]]


def words(count: int, seed: int = 0) -> str:
    draw = random.Random(seed)
    return " ".join(f"w{draw.randrange(4, VOCABULARY)}" for _ in range(count))


def qa_rows(count: int, *, seed: int = 0) -> Rows:
    """Returns rows of prompt and completion; every tenth has a much longer completion."""
    return [
        {
            "prompt": words(3 + number % 5, seed + 2 * number),
            "completion": words(30 if number % 10 == 9 else 1 + number % 2, seed + 2 * number + 1),
            "note": f"row {number}",
        }
        for number in range(count)
    ]


def write_rows(path: Path, rows: Rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read_rows(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text().splitlines()]


# Each with the reason why it has no score.
UNSCORABLE = [
    ({"prompt": "w5", "completion": ""}, "the response is empty"),
    ({"prompt": "w5", "completion": " \n "}, "the response is empty"),
    ({"prompt": "w5", "completion": None}, "null"),
    ({"prompt": "w5", "completion": 7}, "a number"),
    ({"prompt": "w5", "completion": ["w5", 3]}, "a list"),
    ({"prompt": "w5", "completion": {"a": 1}}, "an object"),
    ({"prompt": "w5"}, "completion"),
    ({"prompt": "w5", "completion": "w5 \ud800"}, "surrogate"),
]


def mixed_rows() -> list[dict]:
    """Rows that can be scored, and between them rows that cannot."""
    rows = qa_rows(60)
    for place, (row, _) in enumerate(UNSCORABLE):
        rows.insert(7 * place + 3, {**row, "note": "unscorable"})
    return rows
