"""A tiny model and tiny data on the disk, and specs of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gradsentry.bench import Spec
from models.tiny import build_kind, word_tokenizer

FLOORS = ["response_length", "loss"]


def write_model(folder: Path) -> str:
    """Returns where a tiny model was saved."""
    model = folder / "model"
    build_kind("llama").save_pretrained(model)
    word_tokenizer().save_pretrained(model)
    return str(model)


def write_data(folder: Path, rows: int = 40) -> str:
    """Returns where some rows were written; responses differ in length."""
    file = folder / "data.jsonl"
    lines = [
        {
            "prompt": f"w{5 + i} w{6 + i % 7} w{9 + i % 11}",
            "completion": " ".join(f"w{20 + (i * j) % 60}" for j in range(1, 3 + i % 5)),
        }
        for i in range(rows)
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return str(file)


def tiny_spec(folder: Path, **changes: Any) -> Spec:
    """Returns a spec of the tiny model and data, with changes."""
    values = {
        "data": [{"name": "words", "source": write_data(folder)}],
        "attacks": [
            {"name": "badnets", "settings": {"trigger": ["w90"], "words": 1, "payload": "w80 w81 w82 w83"}}
        ],
        "models": [write_model(folder)],
        "defences": ["gradsentry", *FLOORS],
        "rates": [0, 10, 50],
        "rows": 30,
        "bootstrap": 20,
        "device": "cpu",
        "dtype": "float32",  # whatever the processor: some are run in a process of their own
    }
    return Spec.read(values | changes, where="test")
