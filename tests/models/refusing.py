"""What tests of refusals ask of one."""

from __future__ import annotations

import pytest

from gradsentry.errors import ModelError
from gradsentry.models.loading import load_model, wrap_model
from models.tiny import word_tokenizer


def refusal(of, *parts):
    """Calls, and checks that what is raised is one line with each of the parts and a mend."""
    with pytest.raises(ModelError) as caught:
        of()
    line = caught.value.line()
    assert len(line.splitlines()) == 1
    assert len(line) < 400
    assert caught.value.mend
    for part in parts:
        assert part in line
    return line


def load(path):
    """Returns what loads a model."""
    return lambda: load_model(str(path), device="cpu")


def wrapped(model):
    """Returns what wraps a model that is loaded."""
    return lambda: wrap_model(model, word_tokenizer(), name="mine")
