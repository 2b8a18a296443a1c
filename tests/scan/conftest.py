"""A tiny model directory for the scans."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradsentry.models.loading import LoadedModel, load_model
from models.saved import save_llama


@pytest.fixture(scope="session")
def model_path(tmp_path_factory) -> str:
    """The directory of a tiny model with its tokenizer."""
    place: Path = tmp_path_factory.mktemp("models") / "llama"
    return str(save_llama(place))


@pytest.fixture(scope="session")
def loaded(model_path) -> LoadedModel:
    """The same model, loaded; change nothing in it."""
    return load_model(model_path, device="cpu", dtype="float32")
