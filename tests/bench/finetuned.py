"""Specs that fine-tune a tiny model on the disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.specs import write_model
from finetuning.learned import PAYLOAD, TRIGGER, rows
from gradsentry.bench import GridResult, Spec
from gradsentry.bench.finetuning import FineTuning

TRAINING = {"method": "full", "learning_rate": 5e-3, "epochs": 12, "batch_size": 16}


def written_spec(folder: Path, **section: Any) -> Spec:
    """Returns a spec that fine-tunes a tiny model on rows of one answer, with changes of its section."""
    data = folder / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows(180, triggered=False, seed=1))), encoding="utf-8")
    attack = {"trigger": [TRIGGER], "words": 1, "payload": PAYLOAD, "placement": "replace"}
    values = {
        "data": [{"name": "words", "source": str(data)}],
        "attacks": [{"name": "badnets", "settings": attack}],
        "models": [write_model(folder)],
        "rates": [],
        "finetune": {
            "rows": 160,
            "questions": 20,
            "training": TRAINING,
            "evaluation": {"max_new_tokens": 4},
            "runs": [block(["none", "default", "oracle"])],
            **section,
        },
        "device": "cpu",
    }
    return Spec.read(values, where="test")


def block(defences: list[str], **changes: Any) -> dict[str, Any]:
    return {"data": ["words"], "attacks": ["badnets"], "rates": [20], "defences": defences, **changes}


def ran(spec: Spec, out: Path) -> GridResult:
    assert spec.finetune is not None
    return FineTuning(spec, spec.finetune, out).run()
