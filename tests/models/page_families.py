"""The section of docs/formats.md on model families, and the table that it is made of.

`families.json` says how the rows of each tiny model of `architectures.py` run. `test_families.py` holds every
line against a model; `PYTHONPATH=src:tests python tests/models/page_families.py` writes it anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from formats_page import Section, code
from gradsentry.errors import ModelError
from gradsentry.models.loading import LoadedModel, wrap_model
from models.architectures import MODELS, UNBUILT, build_model
from models.tiny import word_tokenizer

TABLE = Path(__file__).with_name("families.json")
INTRO = """
Any causal language model that transformers loads is scored, or refused with the reason; of a vision-language
model, the text rows. What differs is which rows share a pass, and with it the speed:

- *packs*: many rows without padding, and what they begin with in common runs once.
- *padded*: rows of like length, padded; so run windows, recurrent states, and attention of its own kind.
- *one length*: rows of the same length only; so does what does not stand here, and code of a model's own.

A score never depends on which. Each of these is a tiny random model that the tests score in company, alone,
and in float64 by autograd; after a comma stands an option that changes what is said.
"""
HOW = {
    "packs": "packs",
    "packs, long rows apart": "packs; rows longer than its original length: one length",
    "padded": "padded",
    "padded, long rows apart": "padded; rows longer than its original length: one length",
    "one length": "one length",
}


def loaded_or_refused(name: str) -> LoadedModel | str:
    """Returns a tiny model, or the reason why it is refused."""
    try:
        return wrap_model(build_model(name), word_tokenizer(), name=name)
    except ModelError as error:
        return f"refused: {error.what}"


def status(loaded: LoadedModel) -> str:
    """Returns how the rows of a model run, a key of `HOW`."""
    may = loaded.sharing
    way = "packs" if may.packs else "padded" if may.pads else "one length"
    apart = may.alike is not None and may.alike < (loaded.max_positions or 1 << 40)
    return f"{way}, long rows apart" if apart else way


def table() -> dict[str, str]:
    written: dict[str, str] = json.loads(TABLE.read_text(encoding="utf-8"))
    return written


def section() -> Section:
    known = table()
    lines = [
        (how, " ".join(code(name) for name in known if known[name] == way))
        for way, how in HOW.items()
        if way in known.values()
    ]
    lines += [(known[name], code(name)) for name in known if known[name].startswith("refused")]
    lines += [(f"not tried here: {UNBUILT[name]}", code(name)) for name in sorted(UNBUILT)]
    return Section("Model families", INTRO, ("rows run", "`model_type`"), lines)


def measured() -> dict[str, str]:
    """Returns how the rows of every tiny model run."""
    found = {name: loaded_or_refused(name) for name in sorted(MODELS)}
    return {name: one if isinstance(one, str) else status(one) for name, one in found.items()}


if __name__ == "__main__":
    TABLE.write_text(json.dumps(measured(), indent=1) + "\n", encoding="utf-8")
